import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The command as it is installed; `npm run build` comes first. */
export const BIN = fileURLToPath(new URL('../../bin/tersor.js', import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

const SCRIPT = '/usr/bin/script';

/** Whether there is what opens a pseudo-terminal: util-linux has it. */
export const hasTerminal = process.platform === 'linux' && existsSync(SCRIPT);

/**
 * The command on a terminal of so many columns, as a person has it.
 * @param onText  all that the terminal shows so far; what it returns is typed
 */
export function inTerminal(
  argv: readonly string[],
  { cwd, columns = 80, onText }: { readonly cwd: string; readonly columns?: number; onText?(text: string): string | undefined },
): Promise<{ readonly status: number | null; readonly text: string }> {
  const words = [process.execPath, BIN, ...argv].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  return new Promise((resolve, reject) => {
    const child = spawn(SCRIPT, ['-qefc', `stty cols ${columns} rows 40; exec ${words}`, '/dev/null'], {
      cwd,
      env: { ...process.env, NO_COLOR: '1' },
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const typed = onText?.(text);
      if (typed !== undefined) child.stdin.write(typed);
    });
    child.on('error', reject).on('close', (status) => resolve({ status, text }));
  });
}
