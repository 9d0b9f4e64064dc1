import type { CacheCost } from '../core/cost.ts';
import type { Graph, ValueInfo } from '../core/graph.ts';
import { stateLinks } from '../core/state-links.ts';
import { bytesIn, count, type Value } from './value.ts';

/**
 * What the keys and values of a decoder take: state that is fed back and grows. Per token it is all but the axis that grows, for one sequence.
 *
 * @param graph  as the file states it, with free sizes as symbols
 * @param values  what is known of inputs and outputs in this run
 */
export function cacheOf({ inputs, outputs }: Pick<Graph, 'inputs' | 'outputs'>, values: ReadonlyMap<string, Value>): CacheCost | undefined {
  let [bytesPerToken, bytes] = [0, 0];
  for (const { input, output } of stateLinks(inputs, outputs)) {
    const before = inputs.find(({ name }) => name === input);
    const axis = before && growingAxis(before);
    const value = values.get(output) ?? values.get(input);
    const sizes = values.get(input)?.shape;
    if (axis === undefined || !sizes || !value) continue;
    const perToken = bytesIn({ ...value, shape: sizes.with(axis, 1).with(0, 1) });
    bytesPerToken += perToken ?? 0;
    bytes += bytesIn(value) ?? 0;
  }
  return bytesPerToken > 0 && count(bytesPerToken) !== undefined ? { bytesPerToken, bytes } : undefined;
}

/** The free size that is not the batch. */
function growingAxis({ shape = [] }: ValueInfo): number | undefined {
  const free = shape.flatMap((size, axis) => (axis > 0 && typeof size !== 'number' ? [axis] : []));
  return free.length === 1 ? free[0] : undefined;
}
