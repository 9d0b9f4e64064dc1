import { decode } from '../core/decode.ts';
import { elementsOf } from '../core/dtype.ts';
import { randomFor } from '../core/random.ts';
import { keyOf, type Option } from '../search/candidates.ts';
import type { Predictor } from '../search/predictors/predictor.ts';
import type { Job } from './job.ts';

/** Numbers of every predictor by `keyOf` an option. */
export type Predictions = ReadonlyMap<string, Readonly<Record<string, number>>>;

/** What predictors say of every option. One layer's weights are in memory at a time. */
export async function predictLosses(
  job: Job,
  predictors: readonly Predictor[],
  rows: readonly (readonly Option[])[],
): Promise<Predictions> {
  const predictions = new Map<string, Readonly<Record<string, number>>>();
  for (const row of rows) {
    const { layer } = row[0]!;
    const values = decode(await layer.weight.load());
    const opened = [];
    for (const { id, open } of predictors) {
      const predict = await open({ layer, values, random: randomFor(job.seed, layer.weight.id) });
      if (predict) opened.push({ id, predict });
    }
    for (const option of row) {
      if (!option.steps) continue;
      job.asked.signal?.throwIfAborted();
      const changed = { values: decode(await option.weight.load()), bits: (option.bytes * 8) / elementsOf(layer.weight.shape) };
      const numbers: Record<string, number> = {};
      for (const { id, predict } of opened) {
        const number = await predict(changed);
        if (Number.isFinite(number)) numbers[id] = number;
      }
      predictions.set(keyOf(option), numbers);
    }
  }
  return predictions;
}
