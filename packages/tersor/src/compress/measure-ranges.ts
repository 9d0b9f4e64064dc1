import type { Model } from '../core/model.ts';
import { numbersOf } from '../evaluate/numbers.ts';
import type { ValueId } from '../observe/expose.ts';
import { observeRanges } from '../observe/ranges.ts';
import type { Job } from './job.ts';
import { openTemporarily } from './open-temporarily.ts';
import type { Part, Referee } from './referee.ts';

export interface Extent {
  readonly min: number;
  readonly max: number;
}

/**
 * The smallest and the largest element of each value over a part of the inputs; NaN is passed over. One pass; activations stay in the runtime.
 * @throws MODEL_INVALID, RUN_FAILED where the runtime cannot watch the model, INTERRUPTED
 */
export async function measureRanges(
  job: Job,
  referee: Referee,
  model: Model,
  ids: ReadonlySet<ValueId>,
  part: Part,
): Promise<Map<ValueId, Extent>> {
  const { input, target, kernels, asked } = job;
  const observed = observeRanges(model, ids);
  const names = [...observed.outputs.values()].flatMap(({ least, largest }) => [least, largest]);
  const found = new Map<ValueId, Extent>();
  if (names.length === 0) return found;
  const around = { format: input.format, target, kernels, ...(asked.signal && { signal: asked.signal }) };
  const { session, close } = await openTemporarily(referee.engine, observed.model, around);
  try {
    for await (const { feeds } of referee.trials(part)) {
      const outputs = await session.run(feeds, names);
      for (const [id, { least, largest }] of observed.outputs) {
        const seen = [outputs[least], outputs[largest]]
          .flatMap((value) => [...((value && numbersOf(value)) ?? [])])
          .filter((x) => !Number.isNaN(x));
        if (seen.length === 0) continue;
        const before = found.get(id);
        found.set(id, {
          min: Math.min(...seen, before?.min ?? Number.POSITIVE_INFINITY),
          max: Math.max(...seen, before?.max ?? Number.NEGATIVE_INFINITY),
        });
      }
    }
    return found;
  } finally {
    await close();
  }
}
