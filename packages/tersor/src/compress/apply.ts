import { TersorError } from '../core/error.ts';
import { findLayers } from '../core/find-layers.ts';
import type { Context, Declaration } from '../core/method.ts';
import type { Model } from '../core/model.ts';
import { nearest } from '../core/nearest.ts';
import { parseOptions } from '../core/options.ts';
import { randomFor } from '../core/random.ts';
import type { Step } from '../core/recipe.ts';
import { select } from '../core/rules.ts';
import { METHODS, type MethodId } from '../methods/registry.gen.ts';

/** What steps need besides the model. */
export interface Surroundings extends Pick<Context, 'kernels' | 'signal' | 'note'> {
  readonly seed: number;
  /** What goes on in place of what a step made. */
  readonly watch?: (before: Model, after: Model) => Model;
}

/**
 * The model after `steps`, in order. Nothing is computed yet: weights are loaded when the result is written.
 * @throws METHOD_UNKNOWN, OPTION_UNKNOWN, OPTION_VALUE, RULE_UNMATCHED, LAYOUT
 */
export async function applySteps(model: Model, steps: readonly Step[], around: Surroundings): Promise<Model> {
  let result = model;
  for (const [index, step] of steps.entries()) {
    const after = await applyStep(result, step, `steps[${index}] ${step.use}`, around);
    result = around.watch?.(result, after) ?? after;
  }
  return result;
}

async function applyStep(
  model: Model,
  { use, where, ...raw }: Step,
  place: string,
  { seed, kernels, signal, note }: Surroundings,
): Promise<Model> {
  signal?.throwIfAborted();
  if (!isMethod(use)) {
    const close = nearest(use, Object.keys(METHODS));
    throw new TersorError(
      'METHOD_UNKNOWN',
      place,
      `no method "${use}"`,
      close ? `did you mean "${close}"?` : 'see them with: tersor methods',
    );
  }
  const declaration: Declaration = METHODS[use];
  const options = parseOptions(place, declaration.options, raw);
  const layers = await findLayers(model);
  const scope = where ? select(layers, where) : layers;
  const method = await declaration.load();
  return method.apply(model, options, { kernels, note, ...(signal && { signal }), scope, random: (weight) => randomFor(seed, weight) });
}

function isMethod(id: string): id is MethodId {
  return Object.hasOwn(METHODS, id);
}
