/**
 * Bundles what is published into `dist/bundle/`: loading each of hundreds of small files costs Node more than reading them. What is imported
 * dynamically stays a file of its own. One folder below `dist/`, so that URLs relative to a source stay right.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { root } from './run.ts';

const source = join(root, 'packages/tersor/src');
const outdir = join(root, 'packages/tersor/dist/bundle');

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: { index: join(source, 'index.ts'), main: join(source, 'cli/main.ts'), ...startedByUrl() },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  legalComments: 'none',
  logLevel: 'warning',
});

/** What runs in a worker or a process of its own: sources name it as the built file beside them, everything else as a `.ts` file. */
function startedByUrl(): Record<string, string> {
  const entries: Record<string, string> = {};
  for (const path of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts')) continue;
    for (const [, file = ''] of readFileSync(join(source, path), 'utf8').matchAll(/'\.\/([\w-]+\.js)'/g)) {
      const name = basename(file, '.js');
      const entry = join(source, dirname(path), `${name}.ts`);
      if (entries[name] !== undefined && entries[name] !== entry) throw new Error(`${name}: started from two folders, bundled into one`);
      entries[name] = entry;
    }
  }
  return entries;
}
