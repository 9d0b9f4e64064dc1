import { describe, expect, it } from 'vitest';
import type { Grid } from '../../../src/core/kernels.ts';
import { randomFor } from '../../../src/core/random.ts';
import { reference } from '../../../src/kernels/reference/index.ts';
import { prepareCompensation } from '../../../src/methods/compensate-rounding.ts';

const [ROWS, COLUMNS, SAMPLES] = [5, 40, 90];

/** Inputs of very different sizes that hang together, as activations do. */
function activations(): number[][] {
  const random = randomFor(3, 'activations');
  return Array.from({ length: SAMPLES }, () => {
    const common = random() - 0.5;
    return Array.from({ length: COLUMNS }, (_, i) => (common + random() - 0.5) * 2 ** (i % 5));
  });
}

function asFloats(values: Float64Array | undefined): Float32Array | undefined {
  return values && new Float32Array(values);
}

function gramOf(x: readonly number[][]): Float64Array {
  return Float64Array.from({ length: COLUMNS * COLUMNS }, (_, at) => {
    const [i, j] = [Math.floor(at / COLUMNS), at % COLUMNS];
    return x.reduce((sum, row) => sum + row[i]! * row[j]!, 0);
  });
}

const random = randomFor(4, 'weights');
const weights = Float32Array.from({ length: ROWS * COLUMNS }, () => random() - 0.5);
const grid: Grid = { rows: ROWS, columns: COLUMNS, block: 16, scales: new Float32Array(ROWS * 3).fill(0.2), bits: 3 };
const kernels = { inverseFactor: async (matrix: Float64Array, size: number) => asFloats(reference.inverseFactor(matrix, size)) };
const standFor = (codes: Uint8Array) => Float32Array.from(codes, (code) => (code - 4) * 0.2);
const gram = gramOf(activations());
const seen = { gram, columns: COLUMNS, rows: 1e9 };

function loss(after: Float32Array): number {
  let sum = 0;
  for (let row = 0; row < ROWS; row++) {
    const off = (i: number) => weights[row * COLUMNS + i]! - after[row * COLUMNS + i]!;
    for (let i = 0; i < COLUMNS; i++) for (let j = 0; j < COLUMNS; j++) sum += off(i) * gram[i * COLUMNS + j]! * off(j);
  }
  return sum;
}

function nearest(values: Float32Array): Float32Array {
  return values.map((value) => (Math.min(7, Math.max(0, Math.round(value / 0.2) + 4)) - 4) * 0.2);
}

/** Optimal brain surgery as its definition has it: after each column the inverse of what is left is made anew. */
function surgery(order: readonly number[], damping: number): Float32Array {
  const mean = order.reduce((sum, i) => sum + gram[i * COLUMNS + i]!, 0) / COLUMNS;
  const values = Float64Array.from(weights);
  for (let step = 0; step < COLUMNS; step++) {
    const left = order.slice(step);
    const inverse = invert(left.map((i) => left.map((j) => gram[i * COLUMNS + j]! + (i === j ? damping * mean : 0))));
    for (let row = 0; row < ROWS; row++) {
      const at = row * COLUMNS + left[0]!;
      const stands = nearest(Float32Array.of(values[at]!))[0]!;
      const error = (values[at]! - stands) / inverse[0]![0]!;
      for (const [k, i] of left.entries()) values[row * COLUMNS + i]! -= error * inverse[0]![k]!;
      values[at] = stands;
    }
  }
  return Float32Array.from(values);
}

/** By Gauss and Jordan. */
function invert(matrix: number[][]): number[][] {
  const n = matrix.length;
  const wide = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let i = 0; i < n; i++) {
    const pivot = wide[i]![i]!;
    wide[i] = wide[i]!.map((value) => value / pivot);
    for (let other = 0; other < n; other++) {
      const factor = wide[other]![i]!;
      if (other !== i) wide[other] = wide[other]!.map((value, j) => value - factor * wide[i]![j]!);
    }
  }
  return wide.map((row) => row.slice(n));
}

describe('compensated rounding', () => {
  it.each([true, false])('is optimal brain surgery, with the largest activations first: %s', async (byMagnitude) => {
    const ready = (await prepareCompensation(seen, 0.01, byMagnitude, kernels))!;
    const found = standFor(reference.compensate(weights, grid, ready));
    for (const [at, value] of surgery([...ready.order], 0.01).entries()) expect(found[at]).toBeCloseTo(value, 5);
    expect(ready.damping).toBe(0.01);
  });

  it('moves products far less than rounding to the nearest', async () => {
    const found = standFor(reference.compensate(weights, grid, (await prepareCompensation(seen, 0.01, true, kernels))!));
    expect(loss(found)).toBeLessThan(0.4 * loss(nearest(weights)));
  });

  it('takes the damping that a matrix of few samples needs', async () => {
    const thin = gramOf(activations().slice(0, 3));
    const ready = (await prepareCompensation({ ...seen, gram: thin }, 1e-18, true, kernels))!;
    expect(ready.damping).toBeGreaterThan(1e-18);
    expect([...ready.factor].every(Number.isFinite)).toBe(true);
  });

  it.each([0, Number.NaN])('gives up on a matrix of %s', async (value) => {
    expect(await prepareCompensation({ ...seen, gram: gram.map(() => value) }, 0.01, true, kernels)).toBeUndefined();
  });

  it('trusts few positions less, and not at all what is chance', async () => {
    const damping = async (rows: number) => (await prepareCompensation({ ...seen, rows }, 0.01, true, kernels))?.damping;
    expect(await damping(1e6)).toBe(0.01);
    expect(await damping(SAMPLES)).toBeGreaterThan(0.02);
    const random = randomFor(5, 'noise');
    const noise = gramOf(Array.from({ length: 8 }, () => Array.from({ length: COLUMNS }, () => random() - 0.5)));
    expect(await prepareCompensation({ gram: noise, columns: COLUMNS, rows: 8 }, 0.01, true, kernels)).toBeUndefined();
  });

  it('keeps blocks of zeros zero', async () => {
    const ready = (await prepareCompensation(seen, 0.01, true, kernels))!;
    const codes = reference.compensate(weights, { ...grid, scales: new Float32Array(ROWS * 3) }, ready);
    expect(new Set(codes)).toEqual(new Set([4]));
  });
});
