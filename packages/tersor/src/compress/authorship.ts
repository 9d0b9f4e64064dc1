import type { Asked } from '../core/asked.ts';
import { TersorError } from '../core/error.ts';
import type { Model } from '../core/model.ts';
import type { Recipe } from '../core/recipe.ts';
import { rangeOf } from '../formats/ranges.ts';
import { sha256 } from '../io/node-cache.ts';
import { isFolder, listFolder } from '../io/node-folder.ts';
import type { Authorship } from '../io/node-journal-record.ts';
import { version } from '../io/node-process.ts';
import { sha256Of, sizesAndTimes } from '../io/node-weigh.ts';
import { METHODS } from '../methods/registry.gen.ts';
import type { Opened } from './open-model.ts';

/** Weights whose first values are looked at, and how many bytes of them. */
const [SAMPLES, SAMPLE_BYTES] = [256, 1024];

/**
 * What decides the bytes of a result, so that nobody goes on with another one. Files of a model are known by size and time, and by samples of what is in them.
 * @param more  what is asked besides the recipe
 * @param beside  paths of files that are read besides the model's own
 */
export async function authorshipOf(
  { model, files }: Opened,
  recipe: Recipe | undefined,
  more?: unknown,
  beside: readonly string[] = [],
): Promise<Omit<Authorship, 'target'>> {
  const what = [recipe, await filesIn(recipe?.steps ?? []), more];
  const of = [await sizesAndTimes([...files, ...beside]), [...model.meta.properties], headerOf(model), await samplesOf(model)];
  return { version: version(), recipe: sha256(JSON.stringify(what)), model: sha256(JSON.stringify(of)) };
}

/**
 * What methods that observe a model, and repairs, see of it: part of what decides the bytes.
 * @throws USAGE for inputs that are handed in, which nobody knows again
 */
export async function measuredWith(asked: Asked): Promise<{ readonly asked: unknown; readonly files: readonly string[] }> {
  const { data, preprocess, samples, subsets, outputs, seed, repair, verify, target, budget } = asked;
  if (data !== undefined && typeof data !== 'string')
    throw new TersorError('USAGE', 'resume', 'takes data by a path: what is handed in is not known again', 'name a file or a folder');
  const names =
    data !== undefined && (await isFolder(data))
      ? (await listFolder(data)).files.map(({ name }) => `${data}/${name}`)
      : [data ?? []].flat();
  return { asked: [names, preprocess, samples, subsets, outputs, seed, repair, verify, target, budget], files: names };
}

/** Digests of the files that options name. */
async function filesIn(steps: Recipe['steps']): Promise<string[]> {
  const digests: string[] = [];
  for (const { use, ...values } of steps) {
    for (const [name, option] of Object.entries(METHODS[use as keyof typeof METHODS]?.options ?? {})) {
      const path = values[name];
      if (option.expects === 'file' && typeof path === 'string' && path !== '') digests.push(await sha256Of([path]));
    }
  }
  return digests;
}

function headerOf({ weights }: Model): unknown {
  return [...weights.values()].map(({ id, shape, layout }) => [id, shape, layout]);
}

async function samplesOf({ weights }: Model): Promise<string[]> {
  const step = Math.ceil(weights.size / SAMPLES);
  const samples: string[] = [];
  for (const weight of [...weights.values()].filter((_, i) => i % step === 0)) {
    const range = rangeOf(weight);
    if (!range) continue;
    const bytes = await range.source.read(range.offset, Math.min(SAMPLE_BYTES, range.length));
    samples.push(bytes.join());
  }
  return samples;
}
