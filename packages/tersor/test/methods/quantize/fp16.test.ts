import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { makeNode, type Node } from '../../../src/core/graph.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../../src/io/memory-store.ts';
import { chain, convert, expectSameRun, floats } from '../../support/fp16.ts';
import { MODELS } from '../../support/packaged-models.ts';
import { runOn, written } from '../../support/runtimes.ts';

describe('fp16 on real models', () => {
  it.each(MODELS)('halves $name and keeps its answers', { timeout: 60_000 }, async ({ path, feeds }) => {
    const file = await readFile(path);
    const model = await onnx.open(openMemory({ 'm.onnx': file }), 'm.onnx');
    const before = await runOn('node', file, feeds);
    for (const compute of ['half', 'float']) {
      const { result, nodes } = await convert(model, { compute });
      const bytes = await written(result);
      expect(bytes.length).toBeLessThan(file.length * 0.55);
      expectAlike(await runOn('node', bytes, feeds), before, 0.9999);
      expect(result.graph?.inputs).toEqual(model.graph?.inputs);
      expect(result.graph?.outputs).toEqual(model.graph?.outputs);
      if (compute === 'half') expect(roundTrips(nodes)).toEqual([]);
    }
  });

  it('runs in WebAssembly, branches included', { timeout: 60_000 }, async () => {
    const { path, feeds } = MODELS.find(({ name }) => name.includes('silero_vad_v5'))!;
    const file = await readFile(path);
    const model = await onnx.open(openMemory({ 'm.onnx': file }), 'm.onnx');
    const { result } = await convert(model);
    expectAlike(await runOn('web', await written(result), feeds), await runOn('node', file, feeds), 0.9999);
  });
});

describe('fp16 with compute float', () => {
  const wide = floats('wide', new Array(256).fill(1e6));
  const model = chain([makeNode('MatMul', ['x', 'w'], ['h']), makeNode('Mul', ['h', 'wide'], ['y'])], { w: [4, 256], wide });

  it.each([
    ['f16', 0.01],
    ['bf16', 0.1],
  ] as const)('stores %s and computes as before', async (type, tolerance) => {
    const { result } = await convert(model, { compute: 'float', type });
    expect(result.graph).toBe(model.graph);
    expect(result.weights.get('w')).toMatchObject({ dtype: 'f32', layout: { kind: 'dense', dtype: type } });
    await expectSameRun(chain(model.graph!.nodes, { w: [4, 256], wide }), result, tolerance * 1e6);
  });

  it('leaves what a half cannot hold, which bfloat16 can', async () => {
    const half = await convert(model, { compute: 'float' });
    expect(half.result.weights.get('wide')?.layout).toEqual({ kind: 'dense', dtype: 'f32' });
    expect(half.notes).toEqual(['wide: stays f32: holds values from 1000000 to 1000000, too large for f16']);
    expect((await convert(model, { compute: 'float', type: 'bf16' })).result.weights.get('wide')?.layout).toEqual({
      kind: 'dense',
      dtype: 'bf16',
    });
  });

  it('refuses bfloat16 where nothing understands it', async () => {
    await expect(convert(model, { type: 'bf16' })).rejects.toThrow(/use compute float/);
    await expect(convert(chain([...model.graph!.nodes], { w: [4, 256], wide }, 12), { type: 'bf16', compute: 'float' })).rejects.toThrow(
      /opset 12 does not know it/,
    );
  });
});

/** Casts to a type that their input was just cast from. */
function roundTrips(nodes: readonly Node[]): string[] {
  const made = new Set(nodes.filter(({ op, name }) => op === 'Cast' && name === '').map(({ outputs }) => outputs[0]));
  return nodes.filter(({ op, name, inputs }) => op === 'Cast' && name === '' && made.has(inputs[0])).map(({ inputs }) => inputs[0]!);
}

function expectAlike(actual: Record<string, ArrayLike<number>>, expected: Record<string, ArrayLike<number>>, least: number): void {
  for (const [name, values] of Object.entries(expected)) expect(cosine(values, actual[name]!), name).toBeGreaterThan(least);
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}
