/**
 * MiniLM in integers: `dynamic-int8` for its products and `rtn` for the rest, beside onnxruntime's quantize_dynamic per channel. Bytes, scores
 * of the retrieval task, and latency over that of the original on one thread, best of rounds in pairs: 1 x 16, 1 x 128 and 32 x 64 tokens.
 *
 * `mixed` keeps the layers expanded that lose most when they alone are in integers.
 *
 * Usage: tsx bench/dynamic.ts. Writes bench/results/dynamic.json.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Engine, Feeds, Session } from '../packages/tersor/src/core/engine.ts';
import { findLayers } from '../packages/tersor/src/core/find-layers.ts';
import type { Model } from '../packages/tersor/src/core/model.ts';
import { parseOptions } from '../packages/tersor/src/core/options.ts';
import { openEngine } from '../packages/tersor/src/engine/engine-node.ts';
import { onnx } from '../packages/tersor/src/formats/onnx/onnx.ts';
import { openMemory } from '../packages/tersor/src/io/memory-store.ts';
import { openFolder } from '../packages/tersor/src/io/node-store.ts';
import { openKernels } from '../packages/tersor/src/kernels/open-kernels.ts';
import clean from '../packages/tersor/src/methods/graph/clean.ts';
import dynamicInt8 from '../packages/tersor/src/methods/quantize/dynamic-int8.ts';
import rtn from '../packages/tersor/src/methods/quantize/rtn.ts';
import { pythonWith } from './peers/venv.ts';
import { saveResults } from './results.ts';
import { lastPassages, retrieval } from './tasks/retrieval.ts';
import { fixtures } from './tasks/task.ts';

const MODEL = fileURLToPath(new URL('../.cache/fixtures/minilm/model.onnx', import.meta.url));
const PEER = fileURLToPath(new URL('peers/quantize.py', import.meta.url));
const LENGTHS = [
  [1, 16, 40],
  [1, 128, 20],
  [32, 64, 4],
] as const;
const KEPT = [2, 4];

if (!existsSync(MODEL) || !fixtures()) {
  console.log('skipped: MiniLM or the fixtures folder is missing; see docs/benches.md');
  process.exit(0);
}
const kernels = await openKernels({ threads: 0 });
const { store, name } = await openFolder(MODEL);
const original = await apply(clean, await onnx.open(store, name), {});
const layers = (await findLayers(original)).filter(({ kind }) => kind === 'linear').map(({ weight }) => weight.id);
const folder = mkdtempSync(join(tmpdir(), 'tersor-dynamic-'));
const files = new Map<string, string>();
for (const range of ['reduced', 'full']) files.set(range, await write(range, layers, { range }));
const worst = await rank();
for (const kept of KEPT) {
  const gone = new Set(worst.slice(0, kept));
  files.set(
    `mixed, ${kept} expanded`,
    await write(
      `mixed-${kept}`,
      layers.filter((id) => !gone.has(id)),
      { range: 'reduced' },
    ),
  );
}
const python = pythonWith(['onnx', 'onnxruntime==1.31.1']);
if (python) {
  const path = join(folder, 'peer.onnx');
  execFileSync(python, [PEER, MODEL, path, '8', '0', 'true'], { stdio: 'ignore' });
  files.set('quantize_dynamic, per channel', path);
}
const speed = { node: await race('node'), wasm: await race('wasm') };
const rows = [];
for (const [i, [label, path]] of [...files].entries()) {
  const ratios = { node: speed.node[i], wasm: speed.wasm[i] };
  rows.push({ label, bytes: readFileSync(path).length, ...(await retrieval.score(path, MODEL)), ratios });
  console.log(JSON.stringify(rows.at(-1)));
}
saveResults('dynamic', { worst: worst.slice(0, Math.max(...KEPT)), rows });
rmSync(folder, { recursive: true });
await store.close();
await kernels.close();

async function apply(
  method: typeof clean | typeof dynamicInt8 | typeof rtn,
  model: Model,
  raw: Readonly<Record<string, unknown>>,
  where?: readonly string[],
): Promise<Model> {
  const scope = (await findLayers(model)).filter(({ weight }) => where?.includes(weight.id) ?? true);
  const options = parseOptions(method.id, method.options, raw);
  return method.apply(model, options as never, {
    scope,
    kernels,
    note: () => {},
    random: () => Math.random,
    observed: async () => undefined,
    recall: <T>(_: string, make: () => Promise<T>) => make(),
  });
}

async function bytesOf(model: Model): Promise<Uint8Array> {
  const memory = openMemory();
  await onnx.write(model, memory, 'm.onnx', { target: 'node', kernels });
  await memory.commit();
  const source = await memory.open('m.onnx');
  return source.read(0, source.size);
}

/** The file in which the layers of `where` multiply in integers, and all other weights have 8 bits. */
async function write(label: string, where: readonly string[], raw: Readonly<Record<string, unknown>>): Promise<string> {
  const path = join(folder, `${label}.onnx`);
  writeFileSync(path, await bytesOf(await apply(rtn, await apply(dynamicInt8, original, raw, where), { bits: 8 })));
  return path;
}

/** Layers by what the output loses when they alone multiply in integers, most first: on passages that no score looks at. */
async function rank(): Promise<string[]> {
  const engine = await openEngine({ target: 'node' });
  const feeds: Feeds = Object.fromEntries(
    Object.entries(lastPassages(16)).map(([input, { dims, data }]) => [
      input,
      { dtype: 'i64' as const, shape: dims, data: data as BigInt64Array },
    ]),
  );
  const run = async (session: Session) => Object.values(await session.run(feeds))[0]?.data as Float32Array;
  const exact = await run(await engine.open({ path: MODEL }));
  const errors: [string, number][] = [];
  for (const id of layers) {
    const session = await engine.open({ bytes: await bytesOf(await apply(dynamicInt8, original, {}, [id])) });
    const found = await run(session);
    errors.push([id, found.reduce((sum, value, i) => sum + (value - exact[i]!) ** 2, 0)]);
    await session.close();
  }
  await engine.close();
  return errors.sort(([, a], [, b]) => b - a).map(([id]) => id);
}

/** Each file's latency over the original's, best of rounds, by batch and length. */
async function race(target: 'node' | 'wasm'): Promise<Record<string, number>[]> {
  const engine: Engine = await openEngine({ target });
  const results: Record<string, number>[] = [];
  const before = await engine.open({ bytes: readFileSync(MODEL) });
  for (const path of files.values()) {
    const after = await engine.open({ bytes: readFileSync(path) });
    const ratios: Record<string, number> = {};
    for (const [batch, length, rounds] of LENGTHS) {
      const fewer = target === 'wasm' ? Math.ceil(rounds / 5) : rounds;
      const [a = [], b = []] = await engine.race([before, after], tokens(batch, length), { rounds: fewer, warmup: 1 });
      ratios[`${batch}x${length}`] = Math.min(...b) / Math.min(...a);
    }
    results.push(ratios);
    await after.close();
  }
  await engine.close();
  return results;
}

function tokens(batch: number, length: number): Feeds {
  const fill = (value: (i: number) => number) => ({
    dtype: 'i64' as const,
    shape: [batch, length],
    data: BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(value(i))),
  });
  return { input_ids: fill((i) => 1000 + ((i * 7919) % 20000)), attention_mask: fill(() => 1), token_type_ids: fill(() => 0) };
}
