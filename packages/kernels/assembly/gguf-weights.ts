// What errors count in ggml's searches. Twin of kernels/reference/ggml/weights.ts.
import { TURNED, turnTo } from './gguf-lanes';

/** Weights of the search, in the arrangement of TURNED. */
export const WEIGHTS: usize = memory.data(1024, 16);
/** Importances of the columns, in the same arrangement; ones where they are not known. */
export const IMPORTANCE: usize = memory.data(1024, 16);
const FLAT: usize = memory.data(1024, 16);

/** `times` the mean square of `count` floats. */
export function meanSquare(values: usize, count: i32, times: f32): f32 {
  let sum: f32 = 0;
  for (let i = 0; i < count; i++) {
    const x = load<f32>(values + (<usize>i << 2));
    sum += x * x;
  }
  return (times * sum) / <f32>count;
}

// @ts-ignore: decorator
@inline
function weigh(values: usize, importance: usize, square: f32, from: usize, to: usize): void {
  const squares = f32x4.splat(square);
  for (let i = from; i < to; i += 16) {
    const x = v128.load(values + i);
    v128.store(FLAT + i, f32x4.mul(v128.load(importance + i), f32x4.sqrt(f32x4.add(squares, f32x4.mul(x, x)))));
  }
}

/** Sets WEIGHTS of 256 values in parts of `partBytes`: large values, and those beside them, count more. */
// @ts-ignore: decorator
@inline
export function weighLarge(values: usize, importance: usize, square: f32, partBytes: usize): void {
  weigh(values, importance, square, 0, 1024);
  turnParts(WEIGHTS, FLAT, partBytes);
}

/** The same for 256 values as they lie; returns where. */
export function weighFlat(values: usize, importance: usize, square: f32): usize {
  weigh(values, importance, square, 0, 1024);
  return FLAT;
}

/** The same for eight blocks of 32, each with its own mean square. */
export function weighBlocks(values: usize, importance: usize): void {
  for (let at: usize = 0; at < 1024; at += 128) weigh(values, importance, meanSquare(values + at, 32, 2), at, at + 128);
  turnParts(WEIGHTS, FLAT, 128);
}

/** Sets WEIGHTS to the squares of what is in TURNED. */
export function weighSquares(): void {
  for (let i: usize = 0; i < 1024; i += 16) {
    const x = v128.load(TURNED + i);
    v128.store(WEIGHTS + i, f32x4.mul(x, x));
  }
}

/** Sets IMPORTANCE for 256 columns; `importance` 0: all the same. */
// @ts-ignore: decorator
@inline
export function turnImportance(importance: usize, partBytes: usize): void {
  if (importance != 0) turnParts(IMPORTANCE, importance, partBytes);
  else for (let i: usize = 0; i < 1024; i += 16) v128.store(IMPORTANCE + i, f32x4.splat(1));
}

// @ts-ignore: decorator
@inline
export function turnParts(to: usize, from: usize, partBytes: usize): void {
  const parts: usize = 1024 / partBytes;
  for (let first: usize = 0; first < parts; first += 4) turnTo(to, from, first, partBytes, parts << 2);
}
