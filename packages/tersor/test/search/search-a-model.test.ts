import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compress } from '../../src/compress.ts';
import type { Asked } from '../../src/core/asked.ts';
import type { Feeds } from '../../src/core/engine.ts';
import { randomFor } from '../../src/core/random.ts';
import { onnx } from '../../src/formats/onnx/onnx.ts';
import { openNodeStore } from '../../src/io/node-store.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { pack } from '../../src/pack.ts';
import { deepModel, WIDTH } from '../support/deep-model.ts';

let folder = '';
let model = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-search-'));
  model = join(folder, 'deep.onnx');
  const store = openNodeStore(folder);
  await onnx.write(deepModel(8), store, 'deep.onnx', { target: 'node', kernels: await openKernels({ threads: 0 }) });
  await store.commit();
  await store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const random = randomFor(0, 'feeds');
const data: Feeds[] = Array.from({ length: 24 }, () => ({
  x0: { dtype: 'f32', shape: [4, WIDTH], data: Float32Array.from({ length: 4 * WIDTH }, () => 2 * random() - 1) },
}));
const search = (asked: Asked) =>
  compress(model, { data, output: join(folder, 'out.onnx'), force: true, cache: join(folder, 'cache'), ...asked });

it('remembers what it measured: the same budget chooses the same again, another one measures little more', async () => {
  // a model of microseconds is timed by luck, and what is slow by luck is expanded
  const budget = { drop: 0.01, latency: 100 };
  const first = await search({ budget });
  expect(first.outcome).toBe('compressed');
  expect(first.search?.recalled).toBeLessThan(5);
  const { choices = [] } = first.search ?? {};
  expect(choices.length).toBe(first.search?.layers);
  expect(choices.some(({ smaller, better }) => smaller || better)).toBe(true);
  const again = await search({ budget });
  expect(again.recipe).toEqual(first.recipe);
  expect(again.search?.forwards).toBeLessThan(0.2 * (first.search?.forwards ?? 0));
  const other = await search({ budget: { drop: 0.003, latency: 100 } });
  expect(other.outcome).toBe('compressed');
  expect(other.output?.bytes).toBeGreaterThan(first.output?.bytes ?? 0);
  expect(other.search?.forwards).toBeLessThan(0.8 * (first.search?.forwards ?? 0));
  const afresh = await search({ budget, cache: false });
  expect(afresh.search?.recalled).toBeLessThan(5);
  expect(afresh.recipe).toEqual(first.recipe);
});

it('is never larger than the same step for every layer that keeps the promise', async () => {
  const chosen = await search({ budget: { drop: 0.004, latency: 100 } });
  for (const bits of [2, 4, 8]) {
    const steps = [{ use: 'clean' }, { use: 'rtn', bits }];
    const uniform = await search({ recipe: { version: 1, steps } });
    if ((uniform.quality?.drop ?? 1) <= 0.004) expect(chosen.resultBytes).toBeLessThanOrEqual(uniform.resultBytes ?? 0);
  }
});

it('keeps a size of what the file packs into, which is not that of the file', async () => {
  const output = join(folder, 'coded.onnx');
  const whole = await pack(model, { dryRun: true });
  const coded = Math.floor(0.25 * whole.output.bytes);
  const result = await search({ output, budget: { coded, latency: 100 } });
  expect(result.promises.find(({ name }) => name === 'coded')?.status).toBe('kept');
  const packed = await pack(output, { dryRun: true });
  expect(packed.output.bytes).toBeLessThanOrEqual(coded);
  expect(packed.output.bytes).toBeGreaterThan(0.5 * coded);
  expect(result.resultBytes).toBeGreaterThan(packed.output.bytes);
});

it('says which inputs no operator reads', async () => {
  const { graph, ...rest } = deepModel(2);
  if (!graph) throw new Error('no graph');
  const store = openNodeStore(folder);
  const idle = { name: 'idle', dtype: 'f32', shape: [1] } as const;
  await onnx.write({ ...rest, graph: { ...graph, inputs: [...graph.inputs, idle] } }, store, 'idle.onnx', {
    target: 'node',
    kernels: await openKernels({ threads: 0 }),
  });
  await store.commit();
  await store.close();
  const steps = [{ use: 'rtn', bits: 8 }];
  const { skipped } = await compress(join(folder, 'idle.onnx'), { output: join(folder, 'idle.min.onnx'), recipe: { version: 1, steps } });
  expect(skipped.map(({ message }) => message)).toContain('idle is read by no operator: whatever it is fed changes nothing');
});

it('ends with what it has when it is told that this is enough', async () => {
  const enough = new AbortController();
  enough.abort();
  const report = await search({ budget: { drop: 0.01, latency: 100 }, enough: enough.signal, cache: false });
  expect(report.outcome).toBe('compressed');
  expect(report.promises.map(({ status }) => status)).not.toContain('missed');
});

it('chooses what is quicker where it has to be, and says what it could not reach', async () => {
  const report = await search({ budget: { drop: 0.5, latency: 0.01 } });
  expect(report.outcome).toBe('missed');
  expect(report.promises.find(({ name }) => name === 'latency')?.status).toBe('missed');
});

it('says how small the smallest is where that is not small enough', async () => {
  await expect(search({ budget: { size: 100 } })).rejects.toThrow(/the smallest has \d[\d.]* kB\n {2}ask for a larger size/);
});
