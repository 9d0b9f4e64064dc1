import { guessShapes } from './compress/guess-shapes.ts';
import { openModel } from './compress/open-model.ts';
import { traceShapes } from './compress/trace-shapes.ts';
import type { Cost, ShapeOrigin } from './core/cost.ts';
import type { DeviceProfile } from './core/device.ts';
import { elementsOf } from './core/dtype.ts';
import type { Target } from './core/format.ts';
import { inspectModel } from './core/inspect-model.ts';
import type { Dims } from './core/shape-arithmetic.ts';
import { type AskedShapes, type Bound, bindShapes } from './cost/bind-shapes.ts';
import { costOf } from './cost/cost-of.ts';

export interface AskedCost {
  /** Shapes of inputs (`{ input: [1, 3, 224, 224] }`) and free sizes by their names (`{ sequence: 128 }`). What is left open is guessed. */
  readonly shapes?: AskedShapes;
  /** Predicts time and energy for it. */
  readonly device?: DeviceProfile;
  /** Runs the model once, and takes all shapes from that run instead of inferring them. */
  readonly trace?: boolean;
  /** Where it is run for that; `node` unless told. */
  readonly target?: Target;
  readonly signal?: AbortSignal;
}

/**
 * What a model costs to run: multiply-accumulates, bytes and memory of every operator, and on a device the time that it should take. Computed
 * from shapes; no weight is read and, unless traced, nothing is run.
 *
 * @throws {TersorError} FILE_*, OPTION_VALUE for shapes that do not fit the model; with `trace` also ENGINE_*, MODEL_INVALID, DATA_INVALID
 */
export async function cost(
  input: string,
  { shapes: asked = {}, device, trace = false, target = 'node', signal }: AskedCost = {},
): Promise<Cost> {
  const { model, format, path, bytes, close } = await openModel(input);
  try {
    const { graph } = model;
    const inputs = graph?.inputs.filter(({ name }) => !graph.initializers.has(name)) ?? [];
    const bound = bindShapes(inputs, asked);
    const traced = trace ? await traceShapes(model, format, bound, target, signal) : undefined;
    const settled = traced ? fromRun(bound, traced) : guessShapes(model, inputs, bound);
    const shapes = new Map<string, Dims>([...(traced ?? []), ...settled.map(({ name, shape }): [string, Dims] => [name, shape])]);
    const { parameters } = await inspectModel(model, { path, bytes }, await format.lift(model));
    return { inputs: settled, parameters, ...(await costOf(model, { shapes, ...(device && { device }) })) };
  } finally {
    await close();
  }
}

function fromRun(bound: readonly Bound[], traced: ReadonlyMap<string, readonly number[]>): Cost['inputs'] {
  return bound.map(({ name, from }) => {
    const shape = traced.get(name) ?? [];
    const origin: ShapeOrigin = from === 'asked' ? from : 'traced';
    return { name, shape, from: elementsOf(shape) === 0 && from === 'file' ? 'guessed' : origin };
  });
}
