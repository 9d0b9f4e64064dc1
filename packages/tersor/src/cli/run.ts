import { CommanderError } from 'commander';
import { checkFirstWord } from './check-model.ts';
import { DONE, WRONG_USE } from './exit-status.ts';
import { printError } from './print-error.ts';
import { program } from './program.ts';
import type { Shell } from './shell.ts';

/** Runs one command line. Never rejects: every failure is printed and becomes a status. */
export async function run(argv: readonly string[], shell: Shell): Promise<number> {
  let status = DONE;
  try {
    const root = program(shell, (value) => {
      status = value;
    });
    const [first] = argv;
    if (first === undefined) {
      root.outputHelp({ error: true });
      return WRONG_USE;
    }
    if (!first.startsWith('-')) await checkFirstWord(first, ['help', ...root.commands.map((command) => command.name())]);
    await root.parseAsync(argv, { from: 'user' });
    return status;
  } catch (thrown) {
    // help or the version was printed: asked for, or because a command was missing
    if (thrown instanceof CommanderError) return thrown.exitCode === DONE ? DONE : WRONG_USE;
    return printError(thrown, argv, shell);
  }
}
