import { basename } from 'node:path';
import type { Sample, Samples } from '../core/samples.ts';
import { splitAnnotationArrays } from './annotate.ts';
import { choose } from './choose.ts';
import { distinct } from './gather.ts';
import { parseNpz } from './npz.ts';
import { readBounded } from './read-bounded-node.ts';
import type { Reading } from './reading.ts';
import { recordedSteps, SOURCE_ARRAY } from './recording.ts';
import { splitArrays } from './split-arrays.ts';
import { toFeeds, toSample } from './to-feeds.ts';

const MAX_FILE_BYTES = 2 ** 30;

/** With state, the runs of one file are the steps of one sequence; without, they are samples of their own. A recorded file is one sample. */
export async function openNpz(all: readonly string[], source: string, { wanted, limit, seed }: Reading): Promise<Samples> {
  // One file is one sample at least, so no more than `limit` files are needed.
  const paths = choose(all, limit, seed);
  const found: Sample[] = [];
  const notes: string[] = [];
  for (const path of paths) {
    const name = basename(path);
    const arrays = parseNpz(await readBounded(path, MAX_FILE_BYTES), name);
    const recorded = recordedSteps(arrays);
    if (recorded && !wanted.inputs.some((info) => arrays.has(info.name))) {
      const steps = recorded.map((step, index) => toFeeds(step, wanted, `${name}[${index}]`));
      const [part] = arrays.get(SOURCE_ARRAY)?.data ?? [];
      found.push({ ...toSample(name, steps, wanted), ...(typeof part === 'string' && { source: part }) });
      continue;
    }
    const annotations = splitAnnotationArrays(arrays, wanted, name);
    const { feeds, note } = splitArrays(annotations.rest, wanted, name);
    const steps = wanted.links.length > 0;
    if (note && paths.length === 1) notes.push(steps ? `${note}, the steps of one sequence` : note);
    if (steps) found.push({ ...toSample(name, feeds, wanted), ...annotations.of(0, 1) });
    else
      feeds.forEach((run, index) => {
        const id = feeds.length > 1 ? `${name}[${index}]` : name;
        found.push({ ...toSample(id, [run], wanted), ...annotations.of(index, feeds.length) });
      });
  }
  const different = distinct(found);
  const chosen = choose(different.samples, limit, seed);
  notes.push(...different.notes);
  if (chosen.length < different.samples.length) notes.push(`${chosen.length} of ${different.samples.length} samples are used`);
  return { evidence: 'data', source, samples: chosen, notes };
}
