import { expect } from 'vitest';
import type { Context } from '../../src/core/method.ts';
import type { Model } from '../../src/core/model.ts';
import { sizeOnnx, writeOnnx } from '../../src/formats/onnx/write.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { runOn, type TestFeed } from './runtimes.ts';

/** What a method of the family `graph` needs; everything else is out of its reach. */
export function graphContext(notes: string[] = []): Context {
  const unreachable = () => {
    throw new Error('a graph method has no use for this');
  };
  return {
    scope: [],
    note: (_, message) => notes.push(message),
    observed: unreachable,
    recall: unreachable,
    random: unreachable,
    get kernels(): Context['kernels'] {
      return unreachable();
    },
  };
}

export async function bytesOfModel(model: Model): Promise<Uint8Array> {
  const store = openMemory();
  await writeOnnx(model, store, 'model.onnx');
  await store.commit();
  return store.files.get('model.onnx') ?? new Uint8Array();
}

/** Random values that are the same every time; whole numbers for integers. */
export function feed(shape: readonly number[], type: TestFeed['type'] = 'float32', scale = 2): TestFeed {
  const count = shape.reduce((product, size) => product * size, 1);
  if (type === 'int64') return { type, shape, data: BigInt64Array.from({ length: count }, (_, i) => BigInt(1 + (i % 7))) };
  if (type === 'bool') return { type, shape, data: Uint8Array.from({ length: count }, (_, i) => i % 2) };
  return { type, shape, data: Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1)) * scale) };
}

/**
 * Both models give the same outputs in onnxruntime, up to 1e-5 of the largest value of each; `floor` is what stands for the largest
 * value where all are smaller. Also: the file is not larger, and inputs and outputs are unchanged.
 */
export async function expectSame(before: Model, after: Model, feeds: Readonly<Record<string, TestFeed>>, floor = 1e-6): Promise<void> {
  expect(after.graph?.inputs).toEqual(before.graph?.inputs);
  expect(after.graph?.outputs).toEqual(before.graph?.outputs);
  expect(after.meta).toEqual(before.meta);
  expect(sizeOnnx(after).bytes).toBeLessThanOrEqual(sizeOnnx(before).bytes);
  const expected = await runOn('node', await bytesOfModel(before), feeds);
  const actual = await runOn('node', await bytesOfModel(after), feeds);
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, values] of Object.entries(expected)) {
    const found = Array.from(actual[name] ?? [], Number);
    const wanted = Array.from(values, Number);
    const peak = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), floor);
    expect(found.length).toBe(wanted.length);
    const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
    expect(worst / peak, name).toBeLessThanOrEqual(1e-5);
  }
}

/** Operators of the model with those in its subgraphs, in order. */
export function operators(model: Model): string[] {
  const list = (graph: Model['graph']): string[] =>
    (graph?.nodes ?? []).flatMap((node) => [node.op, ...[...node.graphs.values()].flatMap((inner) => list(inner))]);
  return list(model.graph);
}
