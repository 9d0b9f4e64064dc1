/** Checks that no source or test file is longer than a person reads in one sitting. Generated files are excepted. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, root } from './run.ts';

const MAX_LINES = 400;
const FOLDERS = ['packages', 'tools', 'bench', 'examples'];
const SKIPPED = new Set(['node_modules', 'dist', 'build', '.cache']);

const long = FOLDERS.filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => sourceFiles(folder))
  .map((file) => ({ file, lines: readFileSync(join(root, file), 'utf8').split('\n').length - 1 }))
  .filter(({ lines }) => lines > MAX_LINES);

if (long.length > 0) fail(long.map(({ file, lines }) => `${file}: ${lines} lines; split it, ${MAX_LINES} is the limit`).join('\n'));

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : sourceFiles(path);
    return /\.(ts|m?js)$/.test(path) && !path.endsWith('.gen.ts') ? [path] : [];
  });
}
