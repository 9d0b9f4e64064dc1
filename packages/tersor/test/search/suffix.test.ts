import { afterAll, beforeAll, expect, it } from 'vitest';
import { decode } from '../../src/core/decode.ts';
import type { Engine, Feeds, Value } from '../../src/core/engine.ts';
import { findLayers } from '../../src/core/find-layers.ts';
import type { Model } from '../../src/core/model.ts';
import { openEngine } from '../../src/engine/engine-node.ts';
import { onnx } from '../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { expose } from '../../src/observe/expose.ts';
import { probeOf } from '../../src/search/probe.ts';
import { suffixesOf } from '../../src/search/suffix.ts';
import { deepModel, WIDTH } from '../support/deep-model.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.close());

it('gives what the whole graph gives, from what crosses the cut', async () => {
  const model = deepModel(20);
  const layers = await findLayers(model);
  const probe = probeOf(model, layers, new Set(['w15']));
  const suffixes = suffixesOf(probe, layers, 4);
  expect(suffixes.length).toBe(3);
  const x0: Value = { dtype: 'f32', shape: [3, WIDTH], data: Float32Array.from({ length: 3 * WIDTH }, (_, i) => Math.sin(i)) };
  const held = await heldOf(model, probe.inputs, probe.switches);
  const whole = await open(expose(probe.model, new Set(suffixes.flatMap(({ crossing }) => crossing))).model, held);
  const y = (await whole.run({ x0 })).y;
  for (const suffix of suffixes) {
    expect(suffix.crossing).toHaveLength(1);
    const crossed = await whole.run({ x0 }, suffix.crossing);
    const end = await open(suffix.model, held);
    expect((await end.run(crossed)).y?.data).toEqual(y?.data);
    await end.close();
  }
  // the first weight is used again at the end: what it does starts at its first use
  expect(suffixes.map(({ layers: within }) => within.has('w0'))).toEqual([false, false, false]);
  expect(suffixes.map(({ layers: within }) => within.size)).toEqual([15, 10, 5]);
  await whole.close();
});

it('cuts nowhere where there are few layers', async () => {
  const model = deepModel(5);
  const layers = await findLayers(model);
  expect(suffixesOf(probeOf(model, layers), layers, 4)).toEqual([]);
});

async function heldOf(model: Model, inputs: ReadonlyMap<string, string>, switches: ReadonlyMap<string, string>): Promise<Feeds> {
  const held: Record<string, Value> = {};
  for (const [id, name] of inputs) {
    const weight = model.weights.get(id);
    if (weight) held[name] = { dtype: 'f32', shape: weight.shape, data: decode(await weight.load()) };
  }
  for (const name of switches.values()) held[name] = { dtype: 'bool', shape: [], data: Uint8Array.of(1) };
  return held;
}

async function open(model: Model, held: Feeds) {
  const kernels = await openKernels({ threads: 0 });
  const store = openMemory();
  await onnx.write(model, store, 'm', { target: 'node', kernels });
  await store.commit();
  const source = await store.open('m');
  const session = await engine.open({ bytes: await source.read(0, source.size) });
  const known = new Set(model.graph?.inputs.map(({ name }) => name));
  await session.hold(Object.fromEntries(Object.entries(held).filter(([name]) => known.has(name))));
  return session;
}
