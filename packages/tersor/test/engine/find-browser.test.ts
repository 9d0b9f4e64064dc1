import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findBrowser } from '../../src/engine/find-browser-node.ts';

let folder = '';
let chromium = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-browser-'));
  chromium = join(folder, 'chromium');
  writeFileSync(chromium, '');
  chmodSync(chromium, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('takes the one that is named, then CHROME_PATH, then the path', () => {
  expect(findBrowser(chromium, {})).toBe(chromium);
  expect(findBrowser(undefined, { CHROME_PATH: chromium })).toBe(chromium);
  expect(findBrowser(undefined, { PATH: `/nowhere:${folder}` }, 'linux')).toMatch(/chrom/);
});

it('does not pass over one that is not there, and says how to get one', () => {
  expect(() => findBrowser(undefined, { CHROME_PATH: `${folder}/none` })).toThrow(/none: is no program\n.*\[ENGINE_MISSING\]/);
  expect(() => findBrowser(undefined, { HOME: folder }, 'darwin')).toThrow(
    'browser: no Chrome, Chromium or Edge was found\n  install one, or say where it is: CHROME_PATH=/path/to/chrome [ENGINE_MISSING]',
  );
});
