// The coder of levels, the way out. Twin of kernels/reference/levels.ts.
import { goThrough } from './levels';

export function decodeLevels(
  from: usize, end: usize, width: i32, lines: i32, length: i32, lineStride: i32, stride: i32, isTrellis: i32, model: usize, output: usize,
): usize {
  return goThrough(false, output, width, lines, length, lineStride, stride, isTrellis, model, from, end);
}
