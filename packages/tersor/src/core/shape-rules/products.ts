import { intAttribute } from '../graph.ts';
import { broadcastDims, type Dims } from '../shape-arithmetic.ts';
import type { Setting } from './rule.ts';

/** `[.., M, K] x [.., K, N]`, as they lie or transposed; a vector is a matrix of one row or column, which the result leaves out. */
export function matMul({ node, dims: [left, right] }: Setting): readonly (Dims | undefined)[] {
  return [productDims(flipped(left, intAttribute(node, 'transA', 0)), flipped(right, intAttribute(node, 'transB', 0)))];
}

export function productDims(left: Dims | undefined, right: Dims | undefined): Dims | undefined {
  if (!left || !right || left.length === 0 || right.length === 0) return undefined;
  const [a, b] = [left.length === 1 ? [1, ...left] : left, right.length === 1 ? [...right, 1] : right];
  const batch = broadcastDims(a.slice(0, -2), b.slice(0, -2));
  return batch && [...batch, ...(left.length === 1 ? [] : [a.at(-2)]), ...(right.length === 1 ? [] : [b.at(-1)])];
}

function flipped(dims: Dims | undefined, flip: number): Dims | undefined {
  return flip === 0 || !dims || dims.length < 2 ? dims : [...dims.slice(0, -2), dims.at(-1), dims.at(-2)];
}
