import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { compress } from 'tersor';
import { complaintsOf, openBrowser } from '../../../tools/browser.ts';
import { findModels, type ModelId } from '../server/find-models.mjs';
import { startServer } from '../server/start-server.mjs';
import { openTwins } from '../server/twins.mjs';

export interface Tensor {
  readonly type: 'float32' | 'int64';
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** What both models answered in the browser, and to what. */
export interface Answered {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly answers: Readonly<Record<'original' | 'compressed', Readonly<Record<string, Tensor>>>>;
}

export interface OpenPage {
  readonly page: Page;
  readonly url: string;
  readonly complaints: readonly string[];
  /** Copies of the models that were asked for, each with a twin beside it. */
  readonly paths: Readonly<Partial<Record<ModelId, Record<'original' | 'compressed', string>>>>;
  /** The last answers of a model's section. */
  answered(id: ModelId): Promise<Answered>;
  close(): Promise<void>;
}

/** Keeps what sections say they answered; typed arrays travel as lists, all as one text. */
const RECORD = `
window.answered = {};
const plain = (tensors) => Object.fromEntries(
  Object.entries(tensors).map(([name, { type, dims, data }]) => [name, { type, dims, data: Array.from(data, Number) }]));
document.addEventListener('answered', ({ target, detail: { feeds, answers } }) => {
  window.answered[target.id] = () => JSON.stringify({
    feeds: plain(feeds), answers: { original: plain(answers.original), compressed: plain(answers.compressed) },
  });
}, true);`;

/**
 * The page in a browser, with the models at `originals`; their twins are made by rounding to 8 bits, which takes a moment only.
 * @param originals  paths; what is not named is missing
 */
export async function openPage(
  originals: Readonly<Partial<Record<ModelId, { readonly path: string; readonly beside: readonly string[] }>>>,
): Promise<OpenPage> {
  const folder = await mkdtemp(join(tmpdir(), 'side-by-side-'));
  const paths: Partial<Record<ModelId, Record<'original' | 'compressed', string>>> = {};
  for (const id of ['ocr', 'mobilenet', 'minilm'] as const) {
    const given = originals[id];
    if (!given) continue;
    const original = join(folder, basename(given.path));
    const compressed = original.replace(/\.onnx$/, '.min.onnx');
    await copyFile(given.path, original);
    for (const file of given.beside) await copyFile(join(dirname(given.path), file), join(folder, file));
    await compress(original, {
      output: compressed,
      target: 'wasm',
      recipe: { version: 1, steps: [{ use: 'rtn', bits: 8 }] },
      verify: false,
    });
    paths[id] = { original, compressed };
  }
  const absent = join(folder, 'absent.onnx');
  const found = findModels({
    ocr: paths.ocr?.original ?? absent,
    mobilenet: paths.mobilenet?.original ?? absent,
    minilm: paths.minilm?.original ?? absent,
  });
  const server = await startServer(openTwins(found, join(folder, 'cache')), 0);
  const browser = await openBrowser();
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const complaints = complaintsOf(page);
  await page.addInitScript(RECORD);
  page.setDefaultTimeout(150_000);
  await page.goto(`${server.url}?rounds=3`);
  return {
    page,
    url: server.url,
    complaints,
    paths,
    async answered(id) {
      await page.locator(`#${id}[data-status="answered"]:not([aria-busy])`).waitFor();
      return revived(String(await page.evaluate(`window.answered.${id}()`)));
    },
    async close() {
      await browser.close();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function revived(text: string): Answered {
  const { feeds, answers } = JSON.parse(text);
  return { feeds: tensors(feeds), answers: { original: tensors(answers.original), compressed: tensors(answers.compressed) } };
}

type Listed = Readonly<Record<string, Pick<Tensor, 'type' | 'dims'> & { readonly data: readonly number[] }>>;

function tensors(listed: Listed): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(listed).map(([name, { type, dims, data }]) => [
      name,
      { type, dims, data: type === 'int64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data) },
    ]),
  );
}

/** The largest absolute difference; infinite where the lengths differ. */
export function difference(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(Number(a[i]) - Number(b[i])));
  return most;
}
