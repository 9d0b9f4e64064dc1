import { basename, relative, sep } from 'node:path';
import type { Feeds } from '../core/engine.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { decodeWav } from './decode-wav.ts';
import { gather } from './gather.ts';
import { labelsOfFolder } from './labels-node.ts';
import { preprocessing } from './preprocessing-node.ts';
import { readBounded } from './read-bounded-node.ts';
import type { Reading } from './reading.ts';
import { resampleSound } from './resample-sound.ts';
import { planSound, type SoundPlan } from './sound-plan.ts';
import { toSample } from './to-feeds.ts';
import { checkShape, toValue } from './to-value.ts';

const MAX_FILE_BYTES = 2 ** 30;
/** Enough of any clip. */
const MAX_SECONDS = 30;

/**
 * Samples from WAV files: each a clip with its windows in order, so that state goes through all of it, and no clip is in both halves.
 * @param folder  what names are relative to
 * @throws DATA_INVALID, FILE_MISSING
 */
export async function openSounds(paths: readonly string[], folder: string, reading: Reading): Promise<Samples> {
  const { preprocess, from } = await preprocessing(reading);
  const { plan, note } = planSound(reading.wanted, preprocess, from);
  const source = paths.length === 1 ? basename(paths[0] ?? folder) : `${basename(folder)} (${paths.length} clips)`;
  const labels = await labelsOfFolder(folder, paths);
  const make = async (path: string): Promise<Sample> => {
    const id = relative(folder, path).replaceAll(sep, '/') || basename(path);
    const right = labels.of(path);
    const sound = resampleSound(decodeWav(await readBounded(path, MAX_FILE_BYTES), MAX_SECONDS, id), plan.rate);
    const steps = cut(plan.standardize ? standardized(sound) : sound, plan).map((run) => feedsOf(run, plan, id));
    const sample = toSample(id, steps, reading.wanted);
    return right ? { ...sample, labels: right } : sample;
  };
  const { samples, notes } = await gather(paths, reading, make, (path) => labels.of(path)?.join());
  return { evidence: 'data', source, samples, notes: [note, ...(labels.note === undefined ? [] : [labels.note]), ...notes] };
}

/** Windows one behind the other, each with the end of the one before in front; what is left over is dropped, and a clip that is too short ends in silence. */
function cut(sound: Float32Array, { window = sound.length, context }: SoundPlan): Float32Array[] {
  return Array.from({ length: Math.max(1, Math.floor(sound.length / window)) }, (_, index) => {
    const run = new Float32Array(context + window);
    const from = index * window - context;
    run.set(sound.subarray(Math.max(0, from), index * window + window), Math.max(0, -from));
    return run;
  });
}

function feedsOf(run: Float32Array, { info, rates, masks, rate }: SoundPlan, where: string): Feeds {
  const rank = Math.max(1, info.shape?.length ?? 2);
  const shape = Array.from({ length: rank }, (_, axis) => (axis === rank - 1 ? run.length : 1));
  const value = toValue({ data: info.dtype === 'i16' ? run.map(toInteger) : run, shape }, info, where);
  checkShape(value, info, where);
  const ones = new Array<number>(run.length).fill(1);
  return {
    [info.name]: value,
    ...Object.fromEntries(
      rates.map((input) => [input.name, toValue({ data: [rate], shape: (input.shape ?? []).map(() => 1) }, input, where)]),
    ),
    ...Object.fromEntries(masks.map((input) => [input.name, toValue({ data: ones, shape: [1, run.length] }, input, where)])),
  };
}

function toInteger(sample: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
}

/** Mean 0 and deviation 1, as Wav2Vec2's feature extractor makes it. */
function standardized(sound: Float32Array): Float32Array {
  const mean = sound.reduce((sum, sample) => sum + sample, 0) / sound.length;
  const variance = sound.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / sound.length;
  return sound.map((sample) => (sample - mean) / Math.sqrt(variance + 1e-7));
}
