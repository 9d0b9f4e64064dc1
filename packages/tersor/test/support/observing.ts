import type { Engine, Feeds } from '../../src/core/engine.ts';
import type { Model } from '../../src/core/model.ts';
import type { Observation } from '../../src/core/observation.ts';
import type { Sample } from '../../src/core/samples.ts';
import { type ObserveOptions, observe } from '../../src/observe/observe.ts';
import { written } from './runtimes.ts';

/** Opens models that are nowhere written. */
export function openerOf(engine: Engine): ObserveOptions['open'] {
  return async (model, options) => {
    const session = await engine.open({ bytes: await written(model) }, options);
    return { session, close: () => session.close() };
  };
}

/** @param runs  one sample of one step each, or the steps of one */
export function observeRuns(
  engine: Engine,
  model: Model,
  observations: readonly Observation[],
  runs: readonly (Feeds | readonly Feeds[])[],
  options: Omit<ObserveOptions, 'open'> = {},
) {
  const samples = runs.map((run, i): Sample => ({ id: `${i}`, steps: Array.isArray(run) ? run : [run as Feeds] }));
  return observe(engine, model, observations, samples, { open: openerOf(engine), ...options });
}
