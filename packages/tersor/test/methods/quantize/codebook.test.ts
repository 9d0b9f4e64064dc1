import { describe, expect, it } from 'vitest';
import { decode, denseOf } from '../../../src/core/decode.ts';
import { bytesOf, type CodebookLayout } from '../../../src/core/layout.ts';
import type { Weight } from '../../../src/core/model.ts';
import { chooseVectors } from '../../../src/methods/choose-vectors.ts';
import { prepareGroups } from '../../../src/methods/compensate-rounding.ts';
import { integerLayout } from '../../../src/methods/integer-layout.ts';
import { quantizeWeight } from '../../../src/methods/quantize-weight.ts';
import { gaussian } from '../../kernels/values.ts';
import { inlineKernels } from '../../support/runtimes.ts';

const [ROWS, COLUMNS] = [256, 128];
const shape = [ROWS, COLUMNS];
const values = gaussian(ROWS * COLUMNS, 1);
const weight: Weight = { id: 'w', shape, dtype: 'f32', layout: { kind: 'dense', dtype: 'f32' }, load: async () => denseOf(values, shape) };
const layout = (vector: number, books: 1 | 2 = 1, entries = 256): CodebookLayout => ({
  kind: 'codebook',
  outputs: [0],
  vector,
  books,
  entries,
});

/** Inputs that hang together, some of which are large. */
function observed() {
  const rows = 4 * COLUMNS;
  const noise = gaussian(rows * (COLUMNS + 1), 2);
  const x = Float64Array.from({ length: rows * COLUMNS }, (_, i) => {
    const [row, column] = [Math.floor(i / COLUMNS), i % COLUMNS];
    return (noise[row * (COLUMNS + 1) + column]! + noise[row * (COLUMNS + 1) + COLUMNS]!) * (column % 9 === 0 ? 4 : 1);
  });
  const gram = new Float64Array(COLUMNS * COLUMNS);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < COLUMNS; i++)
      for (let j = 0; j < COLUMNS; j++) gram[i * COLUMNS + j]! += x[row * COLUMNS + i]! * x[row * COLUMNS + j]!;
  }
  return { rows, groups: 1, columns: COLUMNS, values: gram };
}

function errorOf(after: Float32Array): number {
  return after.reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0) / values.length;
}

function lossOf(after: Float32Array, { values: gram }: { values: Float64Array }): number {
  let sum = 0;
  for (let row = 0; row < ROWS; row++) {
    const off = Float64Array.from({ length: COLUMNS }, (_, i) => after[row * COLUMNS + i]! - values[row * COLUMNS + i]!);
    for (let i = 0; i < COLUMNS; i++) for (let j = 0; j < COLUMNS; j++) sum += off[i]! * gram[i * COLUMNS + j]! * off[j]!;
  }
  return sum;
}

describe('a book', () => {
  it('of vectors loses less than integers that take more bytes', async () => {
    const kernels = await inlineKernels;
    const integers = integerLayout({ outputAxes: [0], inputs: COLUMNS }, { bits: 2, block: 16, symmetric: false, scale: 'f16' });
    const rounded = errorOf(decode(await quantizeWeight(weight, integers, 'mse', kernels)));
    const found = errorOf(decode(await chooseVectors(weight, layout(4), { rounds: 4 }, kernels)));
    expect(bytesOf({ shape, layout: layout(4) })).toBeLessThan(0.9 * bytesOf({ shape, layout: integers }));
    expect(found).toBeLessThan(rounded);
  });

  // signal to noise of normal values, dB: what docs/lowering.md says
  it.each([
    [4, 1, 10.3],
    [3, 1, 13.8],
    [5, 2, 16.6],
    [2, 1, 21.1],
  ] as const)('of vectors of %i, and %i of them, has %f dB and more', async (vector, books, wanted) => {
    const after = decode(await chooseVectors(weight, layout(vector, books), { rounds: 10 }, await inlineKernels));
    const power = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    const found = 10 * Math.log10(power / errorOf(after));
    expect(found).toBeGreaterThan(wanted - 0.2);
  });

  it('of single values is about what the best quantizer of a normal distribution has', async () => {
    const kernels = await inlineKernels;
    // Max 1960, Quantizing for minimum distortion, table I: 16 levels
    expect(errorOf(decode(await chooseVectors(weight, layout(1, 1, 16), { rounds: 10 }, kernels)))).toBeLessThan(1.05 * 0.009497);
  });

  it('and another one for what it leaves lose less than one', async () => {
    const kernels = await inlineKernels;
    const of = async (...shape: Parameters<typeof layout>) =>
      errorOf(decode(await chooseVectors(weight, layout(...shape), { rounds: 4 }, kernels)));
    expect(await of(4, 2)).toBeLessThan(0.15 * (await of(4)));
    expect(await of(8, 2)).toBeLessThan(1.02 * (await of(4)));
  });

  it('fills up rows that vectors do not divide', async () => {
    const kernels = await inlineKernels;
    const odd = {
      ...weight,
      shape: [ROWS / 2, 2 * COLUMNS - 1],
      load: async () => denseOf(values.subarray(0, (ROWS / 2) * (2 * COLUMNS - 1)), [ROWS / 2, 2 * COLUMNS - 1]),
    };
    const after = decode(await chooseVectors(odd, layout(6), { rounds: 2 }, kernels));
    expect(after.length).toBe((ROWS / 2) * (2 * COLUMNS - 1));
    expect(after.reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0) / after.length).toBeLessThan(0.25);
  });

  it.each([
    [4, 1],
    [5, 2],
  ] as const)('whose entries make up for errors loses much less of the outputs: vectors of %i, %i books', async (vector, books) => {
    const kernels = await inlineKernels;
    const gram = observed();
    const context = { kernels, recall: <T>(_: string, make: () => Promise<T>) => make() };
    const groups = await prepareGroups(gram, 'seen', { damping: 0.01, byMagnitude: true, vector }, context);
    const alone = lossOf(decode(await chooseVectors(weight, layout(vector, books), { rounds: 4 }, kernels)), gram);
    const first = lossOf(decode(await chooseVectors(weight, layout(vector, books), { rounds: 0, groups }, kernels)), gram);
    const refined = lossOf(decode(await chooseVectors(weight, layout(vector, books), { rounds: 6, groups }, kernels)), gram);
    expect(first).toBeLessThan(0.4 * alone);
    expect(refined).toBeLessThan(0.99 * first);
  });

  it('has no place for values that are not finite', async () => {
    const broken = {
      ...weight,
      load: async () =>
        denseOf(
          Float32Array.from(values, (value, i) => (i === 7 ? Number.NaN : value)),
          shape,
        ),
    };
    await expect(chooseVectors(broken, layout(4), { rounds: 1 }, await inlineKernels)).rejects.toMatchObject({ code: 'LAYOUT' });
  });
});
