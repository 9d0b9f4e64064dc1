import { elementsOf, type Shape } from './dtype.ts';

/** A value made from a weight by moving elements only: which of the weight's axes each of its axes is made of. */
export interface View {
  /** NaN for a length that is not followed. */
  readonly shape: Shape;
  readonly axes: readonly (readonly number[])[];
}

export function wholeView(shape: Shape): View {
  return { shape, axes: shape.map((_, axis) => [axis]) };
}

/** @param order  axis `i` of the result is axis `order[i]` of the view; reversed when absent */
export function transposeView({ shape, axes }: View, order?: readonly number[]): View | undefined {
  const permutation = order ?? shape.map((_, axis) => shape.length - 1 - axis);
  if (permutation.length !== shape.length || new Set(permutation).size !== shape.length) return undefined;
  if (permutation.some((axis) => !(axis in shape))) return undefined;
  return { shape: permutation.map((axis) => shape[axis] ?? 1), axes: permutation.map((axis) => axes[axis] ?? []) };
}

/**
 * The view in another shape. Axes are matched where products of lengths agree; within a group that is both split and merged every new
 * axis is made of all the old ones.
 * @param target  may hold one -1, and 0 for "as before" unless `allowZero`
 */
export function reshapeView(view: View, target: readonly number[], allowZero = false): View | undefined {
  const shape = resolveShape(view.shape, target, allowZero);
  if (!shape) return undefined;
  const axes: number[][] = shape.map(() => []);
  for (let from = 0, to = 0; from < view.shape.length && to < shape.length; ) {
    const start = { from, to };
    let old = view.shape[from++]!;
    let fresh = shape[to++]!;
    while (old !== fresh) {
      if (old < fresh) old *= view.shape[from++]!;
      else fresh *= shape[to++]!;
    }
    const group = view.axes.slice(start.from, from).flat();
    for (let axis = start.to; axis < to; axis++) axes[axis] = group;
  }
  return { shape, axes };
}

/** @param dropped  axes of length 1; all of them when absent */
export function squeezeView({ shape, axes }: View, dropped?: readonly number[]): View | undefined {
  const ones = shape.flatMap((length, axis) => (length === 1 ? [axis] : []));
  const gone = new Set((dropped ?? ones).map((axis) => (axis < 0 ? axis + shape.length : axis)));
  if ([...gone].some((axis) => shape[axis] !== 1 && !Number.isNaN(shape[axis]))) return undefined;
  return { shape: shape.filter((_, axis) => !gone.has(axis)), axes: axes.filter((_, axis) => !gone.has(axis)) };
}

export function unsqueezeView({ shape, axes }: View, added: readonly number[]): View | undefined {
  const rank = shape.length + added.length;
  const fresh = new Set(added.map((axis) => (axis < 0 ? axis + rank : axis)));
  if (fresh.size !== added.length || [...fresh].some((axis) => axis < 0 || axis >= rank)) return undefined;
  const result = { shape: [...shape], axes: [...axes] };
  for (const axis of [...fresh].sort((a, b) => a - b)) {
    result.shape.splice(axis, 0, 1);
    result.axes.splice(axis, 0, []);
  }
  return result;
}

/** The view of a slice or a concatenation: the same axes, with lengths unknown (NaN). @param along  the axes whose lengths change; any of them when absent */
export function resizedView({ shape, axes }: View, along?: readonly number[]): View {
  const changed = new Set(along?.map((axis) => (axis < 0 ? axis + shape.length : axis)) ?? shape.keys());
  return { shape: shape.map((length, axis) => (changed.has(axis) ? Number.NaN : length)), axes };
}

function resolveShape(shape: Shape, target: readonly number[], allowZero: boolean): number[] | undefined {
  const total = elementsOf(shape);
  const lengths = target.map((length, axis) => (length === 0 && !allowZero ? (shape[axis] ?? 1) : length));
  const known = elementsOf(lengths.filter((length) => length !== -1));
  if (total === 0 || known <= 0) return undefined;
  const resolved = lengths.map((length) => (length === -1 ? total / known : length));
  return elementsOf(resolved) === total && resolved.every((length) => Number.isInteger(length) && length > 0) ? resolved : undefined;
}
