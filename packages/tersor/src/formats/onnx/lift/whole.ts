import type { Shape } from '../../../core/dtype.ts';
import { inputAxes } from '../../../core/matrix.ts';
import type { Origin, Whole } from './term.ts';

/** A weight of matrix form `[outputs, inputs]` with its axes in another order; undefined when that is an order in which its matrix would be another one. */
export function transposedWhole(weight: Whole, perm: readonly number[], origin: Origin): Whole | undefined {
  const { shape, layout } = weight;
  if (perm.length !== shape.length || new Set(perm).size !== shape.length || perm.some((axis) => shape[axis] === undefined))
    return undefined;
  const moved = perm.map((axis) => shape[axis] ?? 1);
  const outputs = layout.outputs.map((axis) => perm.indexOf(axis));
  const inputs = inputAxes(moved, outputs).map((axis) => perm[axis]);
  return inputs.join() === inputAxes(shape, layout.outputs).join() ? inShape(weight, moved, outputs, origin) : undefined;
}

/** Another shape for the same matrix. */
export function inShape(weight: Whole, shape: Shape, outputs: readonly number[], origin: Origin): Whole {
  const layout = { ...weight.layout, outputs };
  const load: Whole['load'] = async () => {
    const tensor = await weight.load();
    return tensor.kind === 'levels'
      ? { ...tensor, shape, layout: { ...tensor.layout, outputs } }
      : { ...tensor, shape, layout: { ...tensor.layout, outputs } };
  };
  return { ...weight, ...origin, shape, layout, load };
}
