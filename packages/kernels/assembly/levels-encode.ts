// The coder of levels, the way in. Twin of kernels/reference/levels.ts.
import { goThrough } from './levels';

/** @returns where the bytes end; behind `limit` when they do not fit */
export function encodeLevels(
  levels: usize, width: i32, lines: i32, length: i32, lineStride: i32, stride: i32, isTrellis: i32, model: usize, output: usize, limit: usize,
): usize {
  return goThrough(true, levels, width, lines, length, lineStride, stride, isTrellis, model, output, limit);
}
