import type { WeightId } from '../core/graph.ts';
import type { Execution } from '../core/model.ts';

/** How a runtime may be told to compute with integers that stand for floats. */
export const EXECUTIONS = ['auto', 'expand', 'weight-only'] as const;
export const EXECUTION_DOC =
  'expand: to floats when the model is loaded; weight-only: inside the operators, block by block; auto: what was measured to be faster.';

/** What is said of the execution of weights, those that were changed included. */
export function withExecution(
  before: ReadonlyMap<WeightId, Execution>,
  changed: Iterable<WeightId>,
  execution: (typeof EXECUTIONS)[number],
): ReadonlyMap<WeightId, Execution> {
  const after = new Map(before);
  for (const id of changed) {
    if (execution === 'auto') after.delete(id);
    else after.set(id, execution);
  }
  return after;
}
