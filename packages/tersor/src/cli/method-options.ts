import { Option } from 'commander';
import { TersorError } from '../core/error.ts';
import type { Declaration } from '../core/method.ts';

const WIDEST_PLACEHOLDER = 24;

/** `keepIo` → `--keep-io`. */
export function flagName(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The flag as pages show it: `--bits <integer 2..8>`, `--[no-]keep-io`. */
export function flagUsage(name: string, { schema, expects }: Declaration['options'][string]): string {
  return schema.type === 'boolean' ? flagName(name).replace('--', '--[no-]') : `${flagName(name)} <${expects}>`;
}

/** A method's options as flags, made from their declarations, so that help cannot disagree with what is parsed. */
export function methodFlags({ options }: Declaration): Option[] {
  return Object.entries(options).flatMap(([name, option]) => {
    const flag = flagName(name);
    if (option.schema.type === 'boolean') return booleanFlags(flag, option.doc, option.default);
    const parse = (text: string): unknown => {
      const value: unknown = option.parse(text);
      if (value === undefined) throw new TersorError('OPTION_VALUE', flag, `"${text}"`, `it takes ${option.expects}`);
      return value;
    };
    // a long list of values would push all descriptions to the right
    const short = option.expects.length <= WIDEST_PLACEHOLDER;
    const doc = `${option.doc}${short ? '' : ` Takes ${option.expects}.`} Default ${valueText(option.default)}.`;
    return [new Option(`${flag} <${short ? option.expects : 'value'}>`, doc).argParser(parse)];
  });
}

/** Both `--x` and `--no-x` are taken; help shows the one that changes something. */
function booleanFlags(flag: string, doc: string, standard: unknown): Option[] {
  const no = flag.replace('--', '--no-');
  const yes = new Option(flag, `${doc} Default ${valueText(standard)}.`);
  return standard === true
    ? [yes.hideHelp(), new Option(no, `Turns off ${flag}, which is the default. ${doc}`)]
    : [yes, new Option(no).hideHelp()];
}

/** A default as help shows it. */
export function valueText(value: unknown): string {
  return Array.isArray(value) ? value.join(',') || 'none' : String(value);
}
