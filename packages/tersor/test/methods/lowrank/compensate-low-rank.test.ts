import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/core/decode.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode } from '../../../src/core/graph.ts';
import type { Context, Declaration } from '../../../src/core/method.ts';
import type { Model } from '../../../src/core/model.ts';
import { parseOptions } from '../../../src/core/options.ts';
import { randomFor } from '../../../src/core/random.ts';
import { leadingDirections, transposedTimes, type Weighed } from '../../../src/methods/leading-directions.ts';
import { METHODS } from '../../../src/methods/registry.gen.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { inlineKernels, runOn, type TestFeed, written } from '../../support/runtimes.ts';

/** A matrix of errors, and inputs of very different sizes that hang together. */
function weighed(rows: number, columns: number): Weighed {
  const random = randomFor(3, 'errors');
  const x = Array.from({ length: 200 }, () => {
    const common = random() - 0.5;
    return Array.from({ length: columns }, (_, i) => (common + random() - 0.5) * 2 ** (i % 5));
  });
  const gram = Float64Array.from({ length: columns ** 2 }, (_, at) =>
    x.reduce((sum, row) => sum + row[Math.floor(at / columns)]! * row[at % columns]!, 0),
  );
  return { matrix: Float32Array.from({ length: rows * columns }, () => random() - 0.5), rows, columns, gram };
}

/** tr(R G Rᵀ) of what is left of E. */
function left(errors: Weighed, directions: readonly Float64Array[]): number {
  const { matrix, rows, columns, gram } = errors;
  const rest = Float64Array.from(matrix);
  for (const u of directions) {
    const v = transposedTimes(errors, u);
    for (let i = 0; i < rest.length; i++) rest[i]! -= u[Math.floor(i / columns)]! * v[i % columns]!;
  }
  let sum = 0;
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < columns; i++)
      for (let j = 0; j < columns; j++) sum += rest[row * columns + i]! * gram![i * columns + j]! * rest[row * columns + j]!;
  return sum;
}

describe('leading directions', () => {
  it('leave as little as any of their number can', () => {
    const errors = weighed(40, 50);
    const found = leadingDirections(errors, 6, randomFor(1, 'a'));
    const best = leadingDirections(errors, 40, randomFor(2, 'b')).slice(0, 6);
    expect(found.length).toBe(6);
    expect(left(errors, found) / left(errors, best)).toBeLessThan(1.01);
    expect(left(errors, found)).toBeLessThan(0.5 * left(errors, []));
  });

  it('are no more than there are', () => {
    const matrix = Float32Array.from({ length: 20 * 10 }, (_, i) => (Math.floor(i / 10) % 3) * (i % 10));
    expect(leadingDirections({ matrix, rows: 20, columns: 10 }, 4, randomFor(1, 'a')).length).toBe(1);
    expect(leadingDirections({ matrix: new Float32Array(200), rows: 20, columns: 10 }, 4, randomFor(1, 'a'))).toEqual([]);
  });
});

const network = handMade({
  nodes: [
    makeNode('Conv', ['x', 'filter', 'bias'], ['a'], { pads: [1, 1, 1, 1], strides: [2, 2] }),
    makeNode('ReduceMean', ['a'], ['b'], { axes: [2, 3], keepdims: 0 }),
    makeNode('Gemm', ['b', 'dense', 'shift'], ['c'], { transB: 1 }),
    makeNode('MatMul', ['c', 'last'], ['y']),
  ],
  weights: { filter: [24, 8, 3, 3], bias: [24], dense: [20, 24], shift: [20], last: [20, 16] },
  inputs: [tensorInfo('x', 'f32', [1, 8, 8, 8])],
  outputs: [tensorInfo('y', 'f32')],
});

async function apply(id: keyof typeof METHODS, from: Model, raw: Readonly<Record<string, unknown>>): Promise<Model> {
  const declaration: Declaration = METHODS[id];
  const context: Context = {
    scope: await findLayers(from),
    kernels: await inlineKernels,
    note: () => {},
    observed: async () => undefined,
    recall: (_, make) => make(),
    random: (weight) => randomFor(0, weight),
  };
  return (await declaration.load()).apply(from, parseOptions(id, declaration.options, raw), context);
}

async function run(model: Model): Promise<Float32Array> {
  const random = randomFor(5, 'x');
  const data = Float32Array.from({ length: 512 }, () => 2 * random() - 1);
  const feeds: Record<string, TestFeed> = { x: { type: 'float32', shape: [1, 8, 8, 8], data } };
  return Float32Array.from((await runOn('node', await written(model), feeds)).y!);
}

describe('compensate-low-rank', () => {
  it('gives everything back at full rank', async () => {
    const rounded = await apply('rtn', network, { bits: 2, block: 'row', minimum: 1 });
    const mended = await apply('compensate-low-rank', rounded, { rank: 24, store: 'f32', weigh: false });
    const [before, after, without] = [await run(network), await run(mended), await run(rounded)];
    for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 5);
    expect(Math.max(...before.map((value, i) => Math.abs(value - without[i]!)))).toBeGreaterThan(1e-3);
  });

  it.each(['f16', 'int8'])('stores the branch as %s', async (store) => {
    const rounded = await apply('rtn', network, { bits: 4, block: 16, minimum: 1 });
    const mended = await apply('compensate-low-rank', rounded, { rank: 4, store, weigh: false });
    const exact = await apply('compensate-low-rank', rounded, { rank: 4, store: 'f32', weigh: false });
    const [a, b] = [await run(mended), await run(exact)];
    for (const [i, value] of b.entries()) expect(a[i]).toBeCloseTo(value, 3);
    const added = [...mended.weights.values()].filter(({ id }) => !network.weights.has(id));
    expect(added.map(({ id }) => id)).toEqual(['filter_a', 'filter_b', 'dense_a', 'dense_b', 'last_a', 'last_b']);
    for (const weight of added) expect(decode(await weight.load()).every(Number.isFinite)).toBe(true);
  });

  it('leaves alone what was not rounded', async () => {
    expect(await apply('compensate-low-rank', network, {})).toBe(network);
  });
});
