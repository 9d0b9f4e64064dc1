import { basename, relative, sep } from 'node:path';
import type { Value } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { gather } from './gather.ts';
import { channelAxis, guessRole } from './guess-role.ts';
import { labelsOfFolder } from './labels-node.ts';
import { decodePicture } from './picture.ts';
import { planPictures } from './picture-plan.ts';
import { pictureValue } from './picture-value.ts';
import type { Preprocess } from './preprocess.ts';
import { preprocessing } from './preprocessing-node.ts';
import { readBounded } from './read-bounded-node.ts';
import type { Reading } from './reading.ts';
import { toSample, type Wanted } from './to-feeds.ts';
import { describe, toValue } from './to-value.ts';

const MAX_FILE_BYTES = 2 ** 28;

/**
 * Samples from pictures, a file each.
 * @param folder  what names are relative to
 * @throws DATA_INVALID, FILE_MISSING
 */
export async function openPictures(paths: readonly string[], folder: string, reading: Reading): Promise<Samples> {
  const { wanted } = reading;
  const source = paths.length === 1 ? basename(paths[0] ?? folder) : `${basename(folder)} (${paths.length} pictures)`;
  const input = pictureInput(wanted, source);
  const { preprocess, from } = await preprocessing(reading);
  const { plan, note } = planPictures(input, preprocess, from);
  const labels = await labelsOfFolder(folder, paths);
  const make = async (path: string): Promise<Sample> => {
    const id = relative(folder, path).replaceAll(sep, '/') || basename(path);
    const right = labels.of(path);
    const value = pictureValue(await decodePicture(await readBounded(path, MAX_FILE_BYTES), id), plan, id);
    const sample = toSample(id, [{ [input.name]: value, ...masksFor(value, wanted, plan.layout, id) }], wanted);
    return right ? { ...sample, labels: right } : sample;
  };
  const { samples, notes } = await gather(paths, reading, make, (path) => labels.of(path)?.join());
  return { evidence: 'data', source, samples, notes: [note, ...(labels.note === undefined ? [] : [labels.note]), ...notes] };
}

/** The input that looks like a picture's, or the only one of numbers with four axes. */
function pictureInput({ inputs, links }: Wanted, where: string): ValueInfo {
  const state = new Set(links.map(({ input }) => input));
  const given = inputs.filter(({ name }) => !state.has(name));
  const isMask = (info: ValueInfo) => guessRole(info, { vocabulary: undefined, hearing: false }) === 'mask';
  const pictures = given.filter((info) => !isMask(info) && channelAxis(info) !== undefined);
  const [first, second] = pictures.length > 0 ? pictures : given.filter((info) => !isMask(info) && info.shape?.length !== 2);
  const others = given.filter((info) => info !== first && !isMask(info));
  if (first && !second && others.length === 0) return first;
  const why = first ? `the model takes more than one picture (${given.map(({ name }) => name).join(', ')})` : 'the model takes no pictures';
  const all = given.map((info) => `${info.name}: ${describe(info)}`).join(', ');
  throw new TersorError('DATA_INVALID', where, why, `it takes ${all}; give them by name: .npz, .jsonl or a JS module`);
}

/** Ones for inputs that say which pixels count: `[1, height, width]`. */
function masksFor({ shape }: Value, { inputs }: Wanted, layout: Preprocess['layout'], where: string): Record<string, Value> {
  const [height = 1, width = 1] = layout === 'nchw' ? shape.slice(-2) : shape.slice(-3);
  const masks = inputs.filter((info) => guessRole(info, { vocabulary: undefined, hearing: false }) === 'mask');
  return Object.fromEntries(
    masks.map((info) => [info.name, toValue({ data: new Array<number>(height * width).fill(1), shape: [1, height, width] }, info, where)]),
  );
}
