import { existsSync, statSync } from 'node:fs';
import { sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'vitest/config';

/**
 * Lets tests that run on `src/` start workers and child processes: those load files by themselves, and Node 20 loads no TypeScript.
 * Every `new URL('./worker.js', import.meta.url)` in `src/` is pointed at the same file in `dist/`.
 */
export function distTwins(): Plugin {
  return {
    name: 'dist-twins',
    enforce: 'pre',
    transform(code, id) {
      const file = id.split('?')[0] ?? id;
      const inSource = file
        .split(sep)
        .join('/')
        .match(/^(.*\/packages\/[^/]+)\/src\/(.+\.ts)$/);
      if (!inSource) return undefined;
      const [, project = '', path = ''] = inSource;
      const base = pathToFileURL(`${project}/dist/${path}`);
      const twinned = code.replace(STARTED, (_, quote: string, relative: string) => {
        const twin = new URL(relative, base);
        requireFresh(twin, new URL(relative.replace(/\.js$/, '.ts'), pathToFileURL(file)));
        return `new URL(${quote}${twin.href}${quote})`;
      });
      return twinned === code ? undefined : { code: twinned, map: null };
    },
  };
}

const STARTED = /new URL\(\s*(['"])(\.{1,2}\/[^'"]+\.js)\1\s*,\s*import\.meta\.url\s*,?\s*\)/g;

function requireFresh(twin: URL, source: URL): void {
  if (!existsSync(twin)) throw new Error(`${twin.pathname} is not built: npm run build`);
  if (existsSync(source) && statSync(source).mtimeMs > statSync(twin).mtimeMs) {
    console.warn(`${source.pathname} is newer than what was built from it: npm run build`);
  }
}
