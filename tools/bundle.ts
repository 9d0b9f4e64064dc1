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

const sources = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(source, path), 'utf8') }));
checkRelativeUrls();

const options = {
  outdir,
  bundle: true,
  format: 'esm',
  packages: 'external',
  // not published on its own yet where tersor is: its decoder is part of the bundle
  alias: { '@tersor/loader': join(root, 'packages/loader/src/index.ts') },
  legalComments: 'none',
  logLevel: 'warning',
} as const;
rmSync(outdir, { recursive: true, force: true });
await build({
  ...options,
  entryPoints: {
    index: join(source, 'index.ts'),
    main: join(source, 'cli/main.ts'),
    'record-node': join(source, 'record/record-node.ts'),
    ...startedByUrl(),
  },
  splitting: true,
  platform: 'node',
  target: 'node20.19',
});
// one file, so that the page's server has to hand out nothing else of ours
await build({ ...options, entryPoints: [join(source, 'engine/host-browser.ts')], platform: 'browser', target: 'es2022' });

/** What runs in a worker or a process of its own: sources name it as the built file beside them, everything else as a `.ts` file. */
function startedByUrl(): Record<string, string> {
  const entries: Record<string, string> = {};
  for (const { path, text } of sources) {
    for (const [, file = ''] of text.matchAll(/'\.\/([\w-]+\.js)'/g)) {
      const name = basename(file, '.js');
      const entry = join(source, dirname(path), `${name}.ts`);
      if (entries[name] !== undefined && entries[name] !== entry) throw new Error(`${name}: started from two folders, bundled into one`);
      entries[name] = entry;
    }
  }
  return entries;
}

/** A URL that leads elsewhere from the bundle than from the file beside the source would only be noticed where it is published. */
function checkRelativeUrls(): void {
  for (const { path, text } of sources) {
    for (const [, url = ''] of text.matchAll(/new URL\('(\.\.\/[^']*)', import\.meta\.url\)/g)) {
      if (join(outdir, '..', dirname(path), url) !== join(outdir, url))
        throw new Error(`${path}: '${url}' leads elsewhere from the bundle`);
    }
  }
}
