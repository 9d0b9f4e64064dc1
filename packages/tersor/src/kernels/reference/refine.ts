import { halfBits, halfValue } from '../../core/half.ts';
import type { Refined, Refinement } from '../../core/kernels.ts';
import { clamp, nearest } from './grid.ts';

const { fround } = Math;
const LARGEST_HALF = 65504;

/** One row of the matrix, and what its codes and scales leave of it. */
interface Row {
  readonly columns: number;
  readonly gram: Float32Array;
  /** Codes without their zero points. */
  readonly steps: Float32Array;
  readonly scales: Float32Array;
  readonly block: number;
  /** The Gram matrix times what is left. */
  readonly gradient: Float32Array;
}

/** Twin of assembly/refine.ts. */
export function refine(values: Float32Array, { grid, codes, gram, rounds, scale: type }: Refinement): Refined {
  const { rows, columns, block, bits, zeros } = grid;
  const blocks = Math.ceil(columns / block);
  const most = 2 ** bits - 1;
  const better = { codes: new Uint8Array(codes.length), scales: grid.scales.slice() };
  const zeroOf = (at: number) => (zeros ? zeros[at]! : 2 ** (bits - 1));
  for (let index = 0; index < rows; index++) {
    const zeroAt = (column: number) => zeroOf(index * blocks + Math.floor(column / block));
    const scales = better.scales.subarray(index * blocks, (index + 1) * blocks);
    const steps = Float32Array.from({ length: columns }, (_, column) => codes[index * columns + column]! - zeroAt(column));
    const row = { columns, gram, steps, scales, block, gradient: new Float32Array(columns) };
    for (let column = 0; column < columns; column++) {
      const stored = fround(steps[column]! * scales[Math.floor(column / block)]!);
      add(row, column, fround(values[index * columns + column]! - stored));
    }
    for (let round = 0; round < rounds; round++) {
      descend(row, zeroAt, most);
      for (let at = 0; at < blocks; at++) fit(row, at, type);
    }
    descend(row, zeroAt, most);
    for (let column = 0; column < columns; column++) better.codes[index * columns + column] = steps[column]! + zeroAt(column);
  }
  return better;
}

/** What a change of a column's value does to the gradient. */
function add({ gradient, gram, columns }: Row, column: number, delta: number): void {
  for (let k = 0; k < columns; k++) gradient[k] = fround(gradient[k]! + fround(delta * gram[column * columns + k]!));
}

/** Every code in turn becomes the best there is while all others stay. */
function descend(row: Row, zeroAt: (column: number) => number, most: number): void {
  const { columns, gram, steps, scales, block, gradient } = row;
  for (let column = 0; column < columns; column++) {
    const scale = scales[Math.floor(column / block)]!;
    const zero = zeroAt(column);
    const steep = fround(gram[column * columns + column]! * scale);
    const inverse = steep === 0 ? 0 : fround(1 / steep);
    const step = steps[column]!;
    const next = clamp(fround(step + nearest(fround(gradient[column]! * inverse))), -zero, most - zero);
    if (next === step) continue;
    steps[column] = next;
    add(row, column, fround(fround(step - next) * scale));
  }
}

/** The scale of a block becomes the best there is for its codes. */
function fit(row: Row, at: number, type: 'f16' | 'f32'): void {
  const { columns, gram, steps, scales, block, gradient } = row;
  const [start, end] = [at * block, Math.min(columns, (at + 1) * block)];
  let along = 0;
  let curvature = 0;
  for (let j = start; j < end; j++) {
    along = fround(along + fround(steps[j]! * gradient[j]!));
    let inner = 0;
    for (let k = start; k < end; k++) inner = fround(inner + fround(gram[j * columns + k]! * steps[k]!));
    curvature = fround(curvature + fround(steps[j]! * inner));
  }
  const scale = scales[at]!;
  const best = fround(scale + fround(along / curvature));
  const stored = type === 'f16' ? halfValue(halfBits(clamp(best, -LARGEST_HALF, LARGEST_HALF))) : best;
  if (!(curvature > 0 && fround(stored * scale) > 0)) return;
  scales[at] = stored;
  const less = fround(scale - stored);
  if (less !== 0) for (let j = start; j < end; j++) add(row, j, fround(steps[j]! * less));
}
