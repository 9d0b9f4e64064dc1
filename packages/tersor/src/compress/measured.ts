import { cacheFolder } from '../io/node-cache.ts';
import { type Numbers, openNumbers } from '../io/node-numbers.ts';
import { processorName, version } from '../io/node-process.ts';
import { sha256Of } from '../io/node-weigh.ts';
import type { Job } from './job.ts';
import type { Referee } from './referee.ts';

/** What was measured of this model on these inputs before, where the user does not forbid it and everything can be told apart. */
export async function openMeasured({ asked, input, target }: Job, { circumstances }: Referee): Promise<Numbers> {
  const folder = asked.cache === false || circumstances === undefined ? undefined : (asked.cache ?? cacheFolder());
  const model = folder === undefined ? '' : await sha256Of(input.files, asked.signal);
  return openNumbers(folder, [version(), processorName(), model, target, circumstances ?? '']);
}
