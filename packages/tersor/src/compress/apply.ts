import { TersorError } from '../core/error.ts';
import { findLayers } from '../core/find-layers.ts';
import type { WeightId } from '../core/graph.ts';
import type { Layer } from '../core/layers.ts';
import { type Memo, openMemo } from '../core/memo.ts';
import type { Context, Declaration, Method } from '../core/method.ts';
import type { Model } from '../core/model.ts';
import { nearest } from '../core/nearest.ts';
import type { Observation, Observations } from '../core/observation.ts';
import { parseOptions, type Values } from '../core/options.ts';
import { randomFor } from '../core/random.ts';
import type { Step } from '../core/recipe.ts';
import { select } from '../core/rules.ts';
import { METHODS } from '../methods/registry.gen.ts';
import { applyInBlocks } from './apply-in-blocks.ts';
import { openImportances } from './open-importances.ts';
import { openOtherWeights } from './open-other-weights.ts';
import type { Runner } from './runner.ts';

/** What steps need besides the model. */
export interface Surroundings extends Pick<Context, 'kernels' | 'signal' | 'note' | 'progress'> {
  /** Absent: nothing is kept. */
  readonly memo?: Memo;
  readonly seed: number;
  /** What goes on in place of what a step made. */
  readonly watch?: (before: Model, after: Model) => Model;
  /** Absent: nothing is run. */
  readonly runner?: Runner;
  /** The methods there are, by id. */
  readonly methods?: Readonly<Record<string, Declaration>>;
}

/** A step that was understood. */
interface Prepared {
  readonly place: string;
  readonly method: Method;
  readonly options: Values<Method['options']>;
  readonly where: Step['where'];
}

type Observed = Context['observed'];

/**
 * The model after `steps`, in order. Nothing is computed yet: weights are loaded when the result is written.
 * @throws METHOD_UNKNOWN, OPTION_UNKNOWN, OPTION_VALUE, RULE_UNMATCHED, LAYOUT
 */
export async function applySteps(model: Model, steps: readonly Step[], around: Surroundings): Promise<Model> {
  const prepared: Prepared[] = [];
  for (const [index, step] of steps.entries()) {
    const place = `steps[${index}] ${step.use}`;
    const next = await prepare(step, place, around);
    if (next.method.folds) prepared.push(await prepare({ use: 'fold-batchnorm' }, place, around));
    prepared.push(next);
  }
  let result = model;
  for (let at = 0; at < prepared.length; ) {
    const { length, observed } = await openStage(result, prepared.slice(at), around);
    for (const each of prepared.slice(at, at + length)) {
      around.signal?.throwIfAborted();
      const after = await apply(result, each, await scopeOf(result, each), observed, around);
      result = around.watch?.(result, after) ?? after;
    }
    at += length;
  }
  return result;
}

async function prepare({ use, where, ...raw }: Step, place: string, { methods = METHODS }: Surroundings): Promise<Prepared> {
  const declaration = Object.hasOwn(methods, use) ? methods[use] : undefined;
  if (!declaration) {
    const close = nearest(use, Object.keys(methods));
    throw new TersorError(
      'METHOD_UNKNOWN',
      place,
      `no method "${use}"`,
      close ? `did you mean "${close}"?` : 'see them with: tersor methods',
    );
  }
  const options = parseOptions(place, declaration.options, raw);
  return { place, method: await declaration.load(), options, where };
}

/** @throws LAYOUT for a model of a format that the method is not for; RULE_UNMATCHED */
async function scopeOf(model: Model, { where, place, method: { formats } }: Prepared): Promise<readonly Layer[]> {
  if (formats && !formats.includes(model.format)) {
    const what = `is for ${formats.join(', ')}, and the model is ${model.format}`;
    throw new TersorError('LAYOUT', place, what, 'see what is for it: tersor methods');
  }
  const layers = await findLayers(model);
  return where ? select(layers, where) : layers;
}

function apply(
  model: Model,
  { method, options }: Prepared,
  scope: readonly Layer[],
  observed: Observed,
  around: Surroundings,
): Promise<Model> {
  const { kernels, note, progress, signal, seed, runner, memo = openMemo(0) } = around;
  const random = (weight: WeightId) => randomFor(seed, weight);
  const context = {
    kernels,
    note,
    ...(progress && { progress }),
    ...(signal && { signal }),
    random,
    importances: openImportances,
    otherWeights: openOtherWeights,
    recall: memo.recall,
  };
  const { needs } = method;
  if (!method.sequential || !needs || !runner) return method.apply(model, options, { ...context, scope, observed });
  return applyInBlocks(model, scope, runner, {
    needs: (before, layers) => needs(before, options, layers),
    apply: (before, layers, seen) => method.apply(before, options, { ...context, scope: layers, observed: (each) => seen.get(each) }),
    ...(signal && { signal }),
  });
}

/**
 * Steps whose observations are made in one pass: the first one and those right behind it that need some, too, of other layers. What they see is the
 * model as it is before the first of them. A step that needs none is on its own.
 */
async function openStage(
  model: Model,
  [first, ...others]: readonly Prepared[],
  around: Surroundings,
): Promise<{ readonly length: number; readonly observed: Observed }> {
  const needs: Observation[] = [];
  const taken = new Set<string>();
  const steps: Prepared[] = [];
  for (const each of first?.method.needs ? [first, ...others] : []) {
    const { method, options } = each;
    if (!method.needs || (steps.length > 0 && (method.changes === 'graph' || method.sequential))) break;
    const scope = await scopeOf(model, each);
    if (scope.some(({ weight }) => taken.has(weight.id))) break;
    for (const { weight } of scope) taken.add(weight.id);
    needs.push(...method.needs(model, options, scope));
    steps.push(each);
    if (method.changes === 'graph' || method.sequential) break;
  }
  return { length: Math.max(1, steps.length), observed: lazily(model, needs, first?.place ?? '', around) };
}

/** The pass is made when somebody first asks for what it shows. */
function lazily(model: Model, needs: readonly Observation[], place: string, { runner, note }: Surroundings): Observed {
  let pass: Promise<Observations> | undefined;
  return async (observation) => {
    if (!runner) {
      const hint = 'it needs to see what flows through the model: without --no-verify, and where a runtime takes the model';
      throw new TersorError('USAGE', place, 'nothing runs the model', hint);
    }
    if (!pass && runner.evidence === 'synthetic')
      note(place, 'saw made-up inputs, which are nothing like real ones: name some with --data');
    pass ??= runner.observe(model, needs);
    return (await pass).get(observation);
  };
}
