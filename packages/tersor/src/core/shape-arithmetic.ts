import type { Known } from './evaluate-small/known.ts';
import { intAttribute, intsAttribute, type Node, stringAttribute } from './graph.ts';

/** A shape whose rank is known; dimensions that are not are undefined. */
export type Dims = readonly (number | undefined)[];

/** The common shape of two operands. A dimension that is not known may be 1, so it yields to any other known one but 1. */
export function broadcastDims(a: Dims | undefined, b: Dims | undefined): Dims | undefined {
  if (!a || !b) return undefined;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [x, y] = [a, b].map((dims) => (axis < rank - dims.length ? 1 : dims[axis - rank + dims.length]));
    if (x === 1 || (x === undefined && y !== 1)) return y;
    return x;
  });
}

export function product(dims: Dims): number | undefined {
  return dims.reduce<number | undefined>((size, next) => (size === undefined || next === undefined ? undefined : size * next), 1);
}

/** The elements of a shape that is computed in the graph. */
export function partsOf(known: Known | undefined): Dims | undefined {
  return known?.values.map((value) => (value === undefined ? undefined : Number(value)));
}

/** Elements that Slice takes of a dimension; undefined when that depends on something unknown. */
export function slicedLength(
  size: number | undefined,
  start: number | undefined,
  end: number | undefined,
  step: number,
): number | undefined {
  if (size === undefined || start === undefined || end === undefined || step === 0) return undefined;
  const clamp = (position: number, low: number, high: number) => Math.min(high, Math.max(low, position < 0 ? position + size : position));
  const [from, to] = step > 0 ? [clamp(start, 0, size), clamp(end, 0, size)] : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)];
  return Math.max(0, Math.ceil((to - from) / step));
}

/** What a window that moves over `sizes` leaves: of Conv and poolings. */
export function spatialDims(node: Node, sizes: Dims, kernel: Dims): Dims {
  const strides = intsAttribute(node, 'strides');
  const dilations = intsAttribute(node, 'dilations');
  const pads = intsAttribute(node, 'pads');
  const mode = stringAttribute(node, 'auto_pad', 'NOTSET');
  return sizes.map((size, i) => {
    const window = kernel[i];
    const stride = strides?.[i] ?? 1;
    if (size === undefined) return undefined;
    if (mode.startsWith('SAME')) return Math.ceil(size / stride);
    if (window === undefined) return undefined;
    const before = mode === 'VALID' ? 0 : (pads?.[i] ?? 0);
    const padding = mode === 'VALID' ? 0 : before + (pads?.[i + sizes.length] ?? 0);
    const steps = (size + padding - (dilations?.[i] ?? 1) * (window - 1) - 1) / stride;
    if (intAttribute(node, 'ceil_mode', 0) === 0) return Math.floor(steps) + 1;
    // Runtimes differ in whether a last window may lie in the padding alone.
    return Math.ceil(steps) * stride < size + before ? Math.ceil(steps) + 1 : undefined;
  });
}
