import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../packages/tersor/dist/index.js';

const COMMAND = fileURLToPath(new URL('../../packages/tersor/bin/tersor.js', import.meta.url));
const MOST_MS = 1_800_000;

export interface Told {
  /** The command's; -1 where it was ended. */
  readonly status: number;
  readonly report?: Report;
  /** Why there is no file. */
  readonly problem?: string;
}

/** The command as a user runs it. The file is kept even where a promise is missed, to be looked at. */
export function runTersor(command: readonly string[], model: string, output: string): Promise<Told> {
  const args = [
    COMMAND,
    ...command,
    model,
    '-o',
    output,
    '--force',
    '--json',
    ...((command[0]?.startsWith('-') ?? true) ? ['--keep'] : []),
  ];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { maxBuffer: 2 ** 28, timeout: MOST_MS }, (error, stdout, stderr) => {
      const status = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
      try {
        const said: Report | { readonly error: { readonly code: string; readonly where: string; readonly what: string } } =
          JSON.parse(stdout);
        if ('error' in said) return resolve({ status, problem: problemOf(said.error, model) });
        resolve({ status, report: said, ...(!existsSync(output) && { problem: `no output: ${said.outcome}` }) });
      } catch {
        resolve({ status, problem: (stderr || error?.message || 'printed no report').trim().split('\n')[0] ?? '' });
      }
    });
  });
}

/** Without the folders of this machine. */
function problemOf({ code, where, what }: { readonly code: string; readonly where: string; readonly what: string }, model: string): string {
  return `${where === model ? basename(model) : where}: ${what} [${code}]`;
}
