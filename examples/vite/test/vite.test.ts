import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadFile } from '../../../packages/loader/src/index.ts';
import { runOn } from '../../../packages/tersor/test/support/runtimes.ts';
import { complaintsOf, hasBrowser, openBrowser } from '../../../tools/browser.ts';
import { openRangeServer, type RangeServer } from '../../../tools/range-server.ts';
import { difference } from '../../side-by-side/test/open-page.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const MODEL = '/rec.onnx.tsr';
interface Answered {
  readonly input: readonly number[];
  readonly dims: readonly number[];
  readonly output: readonly number[];
}

/** Keeps what the page was answered, as texts of numbers. */
const RECORD = `document.addEventListener('answered', ({ detail }) => {
  window.answered = JSON.stringify({ ...detail, input: Array.from(detail.input), output: Array.from(detail.output) });
});`;

describe.skipIf(!hasBrowser())('the built page in Chromium', { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-vite-'));
  const [made, built] = [join(folder, 'made'), join(folder, 'built')];
  let [browser, server]: [Browser?, RangeServer?] = [];
  /** Where the download of the model breaks off. */
  let breaksAfter: number | undefined;

  beforeAll(async () => {
    execFileSync(process.execPath, [join(ROOT, 'make-model.mjs'), made]);
    await build({ root: ROOT, logLevel: 'silent', build: { outDir: built }, publicDir: made });
    server = await openRangeServer({ folders: [built], breaksAfter: (path) => (path === MODEL ? breaksAfter : undefined) });
    browser = await openBrowser();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function visit(page: Page) {
    page.setDefaultTimeout(100_000);
    const before = server?.asked.length ?? 0;
    const complaints = complaintsOf(page);
    await page.goto(server?.url ?? '');
    await page.locator('#facts', { hasText: 'first answer' }).waitFor();
    const answered: Answered = JSON.parse(String(await page.evaluate('window.answered')));
    return { ...answered, complaints, asked: server?.asked.slice(before) ?? [], text: await page.locator('#answer').textContent() };
  }

  async function expectAnswerOfNode({ input, dims, output }: Answered): Promise<void> {
    const model = await loadFile(`${server?.url}rec.onnx.tsr`);
    const feeds = { x: { type: 'float32', shape: dims, data: Float32Array.from(input) } } as const;
    for (const [runtime, bound] of [
      ['web', 1e-6],
      ['node', 1e-3],
    ] as const) {
      const [values = []] = Object.values(await runOn(runtime, model, feeds));
      expect(difference(values, output)).toBeLessThanOrEqual(bound);
    }
  }

  it('answers as in Node, also where the download broke off, and keeps the model', async () => {
    const context = await browser?.newContext({ viewport: { width: 900, height: 600 } });
    const page = await context?.newPage();
    if (!page) throw new Error('no page');
    await page.addInitScript(RECORD);
    breaksAfter = 1_000_000;
    const first = await visit(page);
    expect(first.complaints.filter((text) => !text.includes('ERR_CONTENT_LENGTH_MISMATCH'))).toEqual([]);
    expect(first.text).toContain('2024-0815');
    await expectAnswerOfNode(first);
    const ofModel = first.asked.filter(({ path }) => path === MODEL);
    expect(ofModel[0]).toEqual({ path: MODEL, status: 200 });
    expect(ofModel.length).toBeGreaterThan(2);
    // 304: of bytes that the browser's own cache still had
    expect(ofModel.slice(1).filter(({ range, status }) => !([206, 304].includes(status) && range?.startsWith('bytes=')))).toEqual([]);
    if (process.env.TERSOR_SCREENSHOT) await page.screenshot({ path: process.env.TERSOR_SCREENSHOT });

    breaksAfter = undefined;
    // what was downloaded is written behind the answer
    await page.waitForFunction(`caches.open('tersor').then(async (cache) => (await cache.keys()).length === 1)`);
    const second = await visit(page);
    expect(second.asked.filter(({ path }) => path === MODEL)).toEqual([{ path: MODEL, status: 304 }]);
    expect(second.output).toEqual(first.output);
    await context?.close();
  });

  it('decodes by itself where its worker cannot be had', async () => {
    const context = await browser?.newContext();
    const page = await context?.newPage();
    if (!page) throw new Error('no page');
    await page.addInitScript(RECORD);
    breaksAfter = undefined;
    await page.addInitScript('window.Worker = class extends Worker { constructor() { throw new Error("none") } };');
    const { text } = await visit(page);
    expect(text).toContain('2024-0815');
    await context?.close();
  });
});
