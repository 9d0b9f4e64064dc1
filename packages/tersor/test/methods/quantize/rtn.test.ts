import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, denseOf } from '../../../src/core/decode.ts';
import { elementsOf, type Shape } from '../../../src/core/dtype.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode, type Node } from '../../../src/core/graph.ts';
import { matrixOf } from '../../../src/core/layout.ts';
import { toMatrix } from '../../../src/core/matrix.ts';
import type { Model, Weight } from '../../../src/core/model.ts';
import { parseOptions } from '../../../src/core/options.ts';
import type { AffineTensor } from '../../../src/core/tensor.ts';
import { openKernels } from '../../../src/kernels/open-kernels.ts';
import rtn from '../../../src/methods/quantize/rtn.ts';
import vectors from '../../fixtures/rtn-vectors.json' with { type: 'json' };
import { handMade, randomWeight } from '../../support/hand-made-model.ts';

const kernels = await openKernels({ threads: 0 });

function weightOf(values: Float32Array, shape: Shape): Weight {
  return { id: 'w', shape, dtype: 'f32', layout: { kind: 'dense', dtype: 'f32' }, load: async () => denseOf(values, shape) };
}

async function apply(model: Model, raw: Readonly<Record<string, unknown>>) {
  const notes: [string, string][] = [];
  const context = {
    scope: await findLayers(model),
    kernels,
    note: (about: string, message: string) => notes.push([about, message]),
    observed: async () => undefined,
    recall: <T>(_: string, make: () => Promise<T>) => make(),
    random: () => Math.random,
  };
  return { model: await rtn.apply(model, parseOptions('rtn', rtn.options, raw), context), notes };
}

async function quantizedWeight(
  weight: Weight,
  raw: Readonly<Record<string, unknown>>,
  node: Node = makeNode('Gemm', ['x', 'w'], ['y'], { transB: 1 }),
): Promise<AffineTensor> {
  const { model } = await apply(handMade({ nodes: [node], weights: { w: weight } }), { minimum: 1, ...raw });
  const tensor = await model.weights.get('w')!.load();
  if (tensor.kind !== 'affine') throw new Error(`came as ${tensor.kind}`);
  return tensor;
}

describe('rtn', () => {
  it('moves no weight by more than half a step', async () => {
    const row = fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 300, maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(row, fc.constantFrom(4, 8), fc.constantFrom('row', 32, 64), fc.boolean(), async (values, bits, block, symmetric) => {
        const weight = weightOf(Float32Array.from(values), [2, 150]);
        const tensor = await quantizedWeight(weight, { bits, block, symmetric, fit: 'absmax', scale: 'f32' });
        const { columns, block: length, blocks } = matrixOf(tensor.layout, tensor.shape);
        const after = decode(tensor);
        // Below 8 bits one end of a symmetric grid is a step short, so the value there may move by a whole one.
        const steps = symmetric && bits < 8 ? 1 : 0.5;
        values.forEach((value, i) => {
          const scale = tensor.scales[Math.floor(i / columns) * blocks + Math.floor((i % columns) / length)]!;
          expect(Math.abs(value - after[i]!)).toBeLessThanOrEqual(Math.abs(scale) * steps * (1 + 1e-4) + 1e-30);
        });
      }),
      { numRuns: 40 },
    );
  });

  it('worked example, by hand', async () => {
    // Rows of 127 steps each; the first has step 1, the second 2.
    const values = Float32Array.from({ length: 512 }, (_, i) => (i < 256 ? (i % 128) - 63.4 : ((i % 128) - 64) * 2));
    values[0] = 127;
    values[256] = -254;
    const tensor = await quantizedWeight(weightOf(values, [2, 256]), { bits: 8, block: 'row' });
    expect([...tensor.scales]).toEqual([1, 2]);
    expect([...decode(tensor).slice(0, 5)]).toEqual([127, -62, -61, -60, -59]);
    expect([...decode(tensor).slice(256, 260)]).toEqual([-254, -126, -124, -122]);
  });

  it.each([
    ['MatMul', makeNode('MatMul', ['x', 'w'], ['y']), [70, 30], [1]],
    ['Conv', makeNode('Conv', ['x', 'w'], ['y']), [30, 7, 3, 3], [0]],
    ['ConvTranspose', makeNode('ConvTranspose', ['x', 'w'], ['y']), [7, 30, 3, 3], [1]],
    ['MatMul in batches', makeNode('MatMul', ['x', 'w'], ['y']), [3, 70, 10], [0, 2]],
  ] as const)('has one scale for each output of %s', async (_, node, shape, outputs) => {
    const weight = randomWeight('w', shape);
    const { scales } = await quantizedWeight(weight, { bits: 8, scale: 'f32' }, node);
    const values = decode(await weight.load());
    const rows = scales.length;
    const matrix = toMatrix(values, shape, outputs);
    const columns = matrix.length / rows;
    const peaks = Array.from({ length: rows }, (_, row) => Math.max(...matrix.slice(row * columns, (row + 1) * columns).map(Math.abs)));
    expect(rows).toBe(elementsOf(outputs.map((axis) => shape[axis] ?? 1)));
    scales.forEach((scale, row) => {
      expect(scale).toBeCloseTo(peaks[row]! / 127, 7);
    });
  });

  it('leaves alone what would not gain, and says so', async () => {
    const { model, notes } = await apply(
      handMade({
        nodes: [
          makeNode('MatMul', ['x', 'tiny'], ['a']),
          makeNode('MatMul', ['x', 'thin'], ['b']),
          makeNode('Conv', ['x', 'scale'], ['c']),
          makeNode('MatMul', ['x', 'big'], ['d']),
        ],
        weights: { tiny: [4, 4], thin: [2, 40], scale: [600, 1, 1, 1], big: [64, 64] },
      }),
      { bits: 8, minimum: 50 },
    );
    expect(notes).toEqual([
      ['tiny', 'has fewer than 50 elements'],
      ['thin', 'would not become smaller than its 320 bytes'],
      ['scale', 'has a single input per output: a scale each would be needed'],
    ]);
    expect([...model.weights.values()].map(({ id, layout }) => [id, layout.kind])).toEqual([
      ['tiny', 'dense'],
      ['thin', 'dense'],
      ['scale', 'dense'],
      ['big', 'affine'],
    ]);
    const again = await apply(model, { bits: 4 });
    expect(again.notes).toContainEqual(['big', 'is compressed already']);
  });

  it('refuses infinite values when they are read, naming the weight', async () => {
    const values = new Float32Array(4096).fill(1);
    values[77] = Number.POSITIVE_INFINITY;
    await expect(quantizedWeight(weightOf(values, [64, 64]), {})).rejects.toThrow(
      'w: holds values that are infinite or not numbers\n  leave it out with a rule [LAYOUT]',
    );
  });

  it('a block that is as long as the row, or longer, is a row', async () => {
    const { layout } = await quantizedWeight(randomWeight('w', [64, 64]), { bits: 4, block: 128 });
    expect(layout.block).toBe('row');
  });
});

describe(`beside onnxruntime ${vectors.onnxruntime}'s quantizers`, () => {
  const { rows, columns } = vectors;
  const weight = Float32Array.from(vectors.weight);

  it.each(vectors.cases)('$bits bits, block $block, symmetric $symmetric: the same values, or closer ones', async (theirs) => {
    const { bits, block, symmetric } = theirs;
    const ours = decode(await quantizedWeight(weightOf(weight, [rows, columns]), { bits, block, symmetric, fit: 'absmax', scale: 'f32' }));
    const length = typeof block === 'number' ? block : columns;
    const values = valuesOf(theirs, rows, columns, length);
    // Blocks of 8 bits have 127 steps where theirs have 128, so that both ends can be reached: 1.6 % more squared error, give or take.
    expect(squaredError(ours, weight)).toBeLessThanOrEqual(squaredError(values, weight) * (bits === 8 ? 1.05 : 1 + 1e-6));
    if (block === 'row') expect(ours).toEqual(values);
  });
});

interface Vectors {
  readonly bits: number;
  readonly block: number | string;
  readonly codes: readonly number[];
  readonly scales: readonly number[];
  readonly zeros: readonly number[] | null;
}

/** What recorded codes stand for. Those of blocks are packed low bits first, with the last block of a row filled up. */
function valuesOf({ bits, block, codes, scales, zeros }: Vectors, rows: number, columns: number, length: number): Float32Array {
  const blocks = Math.ceil(columns / length);
  const read = (packed: readonly number[], perRow: number, row: number, i: number) => {
    const bit = i * bits;
    return ((packed[row * Math.ceil((perRow * bits) / 8) + Math.floor(bit / 8)] ?? 0) >> (bit % 8)) & (2 ** bits - 1);
  };
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const scale = scales[row * blocks + Math.floor(column / length)]!;
    if (block === 'row') return codes[i]! * scale;
    const zero = zeros ? read(zeros, blocks, row, Math.floor(column / length)) : 2 ** (bits - 1);
    return (read(codes, blocks * length, row, column) - zero) * scale;
  });
}

function squaredError(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
}
