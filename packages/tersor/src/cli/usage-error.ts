import type { Command, CommanderError } from 'commander';
import { TersorError } from '../core/error.ts';
import { nearest } from '../core/nearest.ts';
import type { Declarations } from '../core/parse-recipe.ts';
import { flagName } from './method-options.ts';

/** What commander found wrong, in our words: where, what, and the nearest thing that exists. */
export function usageError({ code, message }: CommanderError, command: Command, methods: Declarations): TersorError {
  const where = pathOf(command);
  const quoted = /'([^']*)'/.exec(message)?.[1] ?? '';
  const usage = `usage: ${where} ${command.usage()}`;
  switch (code) {
    case 'commander.unknownOption':
      return unknownOption(quoted, command, methods);
    case 'commander.optionMissingArgument':
      return new TersorError('OPTION_VALUE', where, `${quoted} has no value`, `see: tersor help ${command.name()}`);
    case 'commander.missingArgument':
      return new TersorError('USAGE', where, `<${quoted}> is missing`, usage);
    case 'commander.excessArguments':
      return new TersorError('USAGE', where, `too many arguments: ${command.args.map((arg) => `"${arg}"`).join(', ')}`, usage);
    case 'commander.unknownCommand':
      return unknownCommand(quoted, command);
    default:
      return new TersorError('USAGE', where, message.replace(/^error: /, ''), usage);
  }
}

function unknownOption(flag: string, command: Command, methods: Declarations): TersorError {
  const where = pathOf(command);
  const flags = command.options.flatMap(({ long, short }) => [long, short]).filter((name) => name != null);
  const takers = Object.values(methods).filter(({ options }) => Object.keys(options).some((name) => flagName(name) === flag));
  const meant = flags.includes('--into') && ['-o', '--out', '--output'].includes(flag) ? '--into' : undefined;
  // any two short flags are one letter apart
  const close = meant ?? (flag.startsWith('--') ? nearest(flag, flags) : undefined);
  const hint = close
    ? `did you mean "${close}"?`
    : takers.length > 0
      ? `it belongs to ${takers.map(({ id }) => id).join(', ')}: tersor ${takers[0]?.id} <model> ${flag} ...`
      : `see them with: tersor help ${command.name()}`;
  return new TersorError('OPTION_UNKNOWN', where, `no option "${flag}"`, hint);
}

function unknownCommand(name: string, command: Command): TersorError {
  const names = command.commands.map((inner) => inner.name());
  const close = nearest(name, names);
  return new TersorError(
    'USAGE',
    pathOf(command),
    `no command "${name}"`,
    close ? `did you mean "${close}"?` : `it has ${names.join(', ')}`,
  );
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}
