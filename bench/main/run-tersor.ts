import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../packages/tersor/dist/index.js';

const COMMAND = fileURLToPath(new URL('../../packages/tersor/bin/tersor.js', import.meta.url));
const MOST_MS = 1_800_000;

export interface Told {
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
      try {
        const said: Report | { readonly error: { readonly code: string; readonly where: string; readonly what: string } } =
          JSON.parse(stdout);
        if ('error' in said) return resolve({ problem: `${said.error.where}: ${said.error.what} [${said.error.code}]` });
        resolve({ report: said, ...(!existsSync(output) && { problem: `no output: ${said.outcome}` }) });
      } catch {
        resolve({ problem: (stderr || error?.message || 'printed no report').trim().split('\n')[0] ?? '' });
      }
    });
  });
}
