import { Command, type CommanderError, type Option } from 'commander';
import { version } from '../io/node-process.ts';
import { COMMANDS, type CommandSpec, methodSpec } from './command-specs.ts';
import { DONE, STATUS_MEANINGS } from './exit-status.ts';
import { FLAGS } from './flags.ts';
import type { Shell } from './shell.ts';
import { usageError } from './usage-error.ts';

/** The whole command line, made from declarations: commands, flags, methods. `finish` is told the exit status. */
export function program(shell: Shell, finish: (status: number) => void): Command {
  const root = new Command('tersor');
  configure(root, shell);
  root
    .description('Makes neural networks smaller, and proves on the runtime they run on that they still work.')
    .usage('<model> [options]  |  <command> ...')
    .version(version(), '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Help; of one command: tersor help <command>.')
    .helpCommand('help [command]', 'Help on a command.')
    .addHelpText('after', footer());
  for (const spec of COMMANDS) add(root, spec, shell, finish);
  root.commandsGroup('Methods, each a command of its own:');
  for (const method of Object.values(shell.methods)) add(root, methodSpec(method), shell, finish);
  return root;
}

function add(parent: Command, spec: CommandSpec, shell: Shell, finish: (status: number) => void): void {
  const { name, summary, flags = [], options = [], examples = [], isDefault = false, run, commands = [] } = spec;
  const command = parent.command(name, { isDefault });
  configure(command, shell);
  command
    .summary(summary)
    .description(spec.description ?? summary)
    .helpOption('-h, --help', 'Show this help.');
  if (commands.length > 0) command.helpCommand(false);
  for (const option of [...options, ...flags.map((flag): Option => FLAGS[flag]())]) command.addOption(option);
  if (examples.length > 0) command.addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`);
  for (const inner of commands) add(command, inner, shell, finish);
  if (!run) return;
  command.allowExcessArguments(false).action(async () => {
    finish(await run(command.processedArgs, command.opts(), shell));
  });
}

function configure(command: Command, { out, err, methods }: Shell): void {
  const { bold, cyan, dim } = out.colors;
  command
    .exitOverride((error: CommanderError) => {
      throw error.exitCode === DONE || error.code === 'commander.help' ? error : usageError(error, command, methods);
    })
    .configureOutput({
      writeOut: out.write,
      writeErr: err.write,
      outputError: () => undefined, // `run` prints errors, all in one way
      getOutHelpWidth: () => Math.min(out.columns, 110),
      getErrHelpWidth: () => Math.min(err.columns, 110),
      getOutHasColors: () => true, // the colours of the screen know whether it has any
      getErrHasColors: () => true,
    })
    .configureHelp({
      styleTitle: bold,
      styleSubcommandTerm: cyan,
      styleOptionTerm: cyan,
      styleArgumentTerm: cyan,
      styleUsage: (usage) => dim(usage),
    });
}

function footer(): string {
  const statuses = Object.entries(STATUS_MEANINGS).map(([status, meaning]) => `  ${status.padStart(3)}  ${meaning}`);
  return [
    '',
    'Examples:',
    '  tersor model.onnx                          the smallest file that keeps 99 % of the quality',
    '  tersor model.onnx --data calib.npz         ... proven on your own inputs',
    '  tersor model.onnx --max-size 25%           the best quality in a quarter of the size',
    '  tersor rtn model.onnx -o small.onnx --bits 4',
    '  tersor inspect model.onnx                  where the bytes are',
    '',
    'Exit status:',
    ...statuses,
  ].join('\n');
}
