import { program } from '../../packages/tersor/src/cli/program.ts';
import { screenOf } from '../../packages/tersor/src/cli/shell.ts';
import type { Declarations } from '../../packages/tersor/src/core/parse-recipe.ts';
import { GENERATED } from './markdown.ts';

const COLUMNS = 100;

type Command = ReturnType<typeof program>;

/** The help of every command, as the command prints it. */
export function commandLinePage(methods: Declarations): string {
  let text = '';
  const write = (more: string | Uint8Array) => {
    text += String(more);
    return true;
  };
  const screen = { ...screenOf({ write }, { NO_COLOR: '1' }), columns: COLUMNS };
  const unused = () => Promise.reject(new Error('help runs nothing'));
  const ofModels = {
    compress: unused,
    plan: unused,
    inspect: unused,
    cost: unused,
    measureDevice: unused,
    compare: unused,
    check: unused,
    sensitivity: unused,
    readImatrix: unused,
    imatrixBytes: unused,
    convert: unused,
    pack: unused,
    prefix: unused,
    unpack: unused,
  };
  const library = { ...ofModels, compressFolder: unused, planFolder: unused, inspectFolder: unused, checkFolder: unused };
  const help = (command: Command): string => {
    text = '';
    command.outputHelp();
    return text.replaceAll(/[ \t]+$/gm, '').trim();
  };
  const root = program({ out: screen, err: screen, methods, library, interruptible: unused }, () => undefined);
  const sections = all(root).map(({ path, command }) => `## ${path}\n\n${'```text'}\n${help(command)}\n${'```'}`);
  return `${[GENERATED, '# The command line', 'Results go to stdout, progress and messages to stderr.', ...sections].join('\n\n')}\n`;
}

function all(command: Command, before = ''): { path: string; command: Command }[] {
  const path = `${before} ${command.name()}`.trim();
  return [{ path, command }, ...command.commands.flatMap((inner) => all(inner, path))];
}
