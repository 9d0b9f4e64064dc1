import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { distTwins } from '../dist-twins.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-twins-'));
  for (const path of ['packages/a/src/x', 'packages/a/dist/x']) mkdirSync(join(folder, path), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const START = "new Worker(new URL('./worker.js', import.meta.url)); const self = import.meta.url;";

function transform(file: string, code: string): string | undefined {
  const { transform: hook } = distTwins();
  if (typeof hook !== 'function') throw new Error('transform is a function');
  const result: unknown = Reflect.apply(hook, undefined, [code, join(folder, file)]);
  return result && typeof result === 'object' ? Reflect.get(result, 'code') : undefined;
}

it('points a started file of src at its twin in dist, and leaves other uses alone', () => {
  const twin = join(folder, 'packages/a/dist/x/worker.js');
  writeFileSync(twin, '');
  const code = `new Worker(new URL('${pathToFileURL(twin).href}')); const self = import.meta.url;`;
  expect(transform('packages/a/src/x/pool.ts', START)).toBe(code);
  expect(transform('packages/a/test/x/pool.ts', START)).toBeUndefined();
});

it('says what to do when the twin is not built', () => {
  expect(() => transform('packages/a/src/x/pool.ts', START)).toThrow('worker.js is not built: npm run build');
});
