import { describe, expect, it } from 'vitest';
import { randomFor } from '../../../src/core/random.ts';
import { compensateRounding, type Grid, prepareCompensation } from '../../../src/methods/compensate-rounding.ts';

const [ROWS, COLUMNS, SAMPLES] = [5, 40, 90];

/** Inputs of very different sizes that hang together, as activations do. */
function activations(): number[][] {
  const random = randomFor(3, 'activations');
  return Array.from({ length: SAMPLES }, () => {
    const common = random() - 0.5;
    return Array.from({ length: COLUMNS }, (_, i) => (common + random() - 0.5) * 2 ** (i % 5));
  });
}

function gramOf(x: readonly number[][]): Float64Array {
  return Float64Array.from({ length: COLUMNS * COLUMNS }, (_, at) => {
    const [i, j] = [Math.floor(at / COLUMNS), at % COLUMNS];
    return x.reduce((sum, row) => sum + row[i]! * row[j]!, 0);
  });
}

const random = randomFor(4, 'weights');
const weights = Float32Array.from({ length: ROWS * COLUMNS }, () => random() - 0.5); // [columns, rows]
const grid: Grid = { rows: ROWS, columns: COLUMNS, block: 16, scales: new Float32Array(ROWS * 3).fill(0.2), middle: 4, most: 7 };
const gram = gramOf(activations());

function loss(after: Float32Array): number {
  let sum = 0;
  for (let row = 0; row < ROWS; row++) {
    const off = (i: number) => weights[i * ROWS + row]! - after[i * ROWS + row]!;
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
      const at = left[0]! * ROWS + row;
      const stands = nearest(Float32Array.of(values[at]!))[0]!;
      const error = (values[at]! - stands) / inverse[0]![0]!;
      for (const [k, i] of left.entries()) values[i * ROWS + row]! -= error * inverse[0]![k]!;
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
  it.each([true, false])('is optimal brain surgery, with the largest activations first: %s', (byMagnitude) => {
    const ready = prepareCompensation(gram, COLUMNS, 0.01, byMagnitude)!;
    const values = weights.slice();
    const codes = compensateRounding(values, grid, ready);
    const expected = surgery([...ready.order], 0.01);
    for (const [at, value] of values.entries()) expect(value).toBeCloseTo(expected[at]!, 5);
    for (let row = 0; row < ROWS; row++) {
      for (let i = 0; i < COLUMNS; i++) expect((codes[row * COLUMNS + i]! - 4) * 0.2).toBeCloseTo(values[i * ROWS + row]!, 5);
    }
    expect(ready.damping).toBe(0.01);
  });

  it('moves products far less than rounding to the nearest', () => {
    const values = weights.slice();
    compensateRounding(values, grid, prepareCompensation(gram, COLUMNS, 0.01, true)!);
    expect(loss(values)).toBeLessThan(0.4 * loss(nearest(weights)));
  });

  it('takes the damping that a matrix of few samples needs', () => {
    const thin = gramOf(activations().slice(0, 3));
    const ready = prepareCompensation(thin, COLUMNS, 1e-18, true)!;
    expect(ready.damping).toBeGreaterThan(1e-18);
    expect([...ready.factor].every(Number.isFinite)).toBe(true);
  });

  it('gives up where nothing was seen', () => {
    expect(prepareCompensation(new Float64Array(COLUMNS * COLUMNS), COLUMNS, 0.01, true)).toBeUndefined();
    expect(
      prepareCompensation(
        gram.map(() => Number.NaN),
        COLUMNS,
        0.01,
        true,
      ),
    ).toBeUndefined();
  });

  it('keeps blocks of zeros zero', () => {
    const values = weights.slice();
    const codes = compensateRounding(
      values,
      { ...grid, scales: new Float32Array(ROWS * 3) },
      prepareCompensation(gram, COLUMNS, 0.01, true)!,
    );
    expect(new Set(codes)).toEqual(new Set([4]));
    expect(new Set(values.map(Math.abs))).toEqual(new Set([0]));
  });
});
