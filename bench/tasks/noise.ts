import { join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { writeFeeds } from './feeds-file.ts';
import { FRAMES, filterFeatures } from './filter-features.ts';
import { readClips, readWav } from './speech.ts';
import { at, cosine, type Half, openSession, type Task, type Tensors } from './task.ts';

const INPUTS = {
  enc: ['feat_erb', 'feat_spec'],
  erb_dec: ['emb', 'e3', 'e2', 'e1', 'e0'],
  df_dec: ['emb', 'c0'],
} as const;
/** Seconds of each clip. */
const PARTS = 3;

/**
 * A part of DeepFilterNet on noisy speech: how far its outputs are the original's, as the signal to noise ratio in dB of the worst of them, and their cosine.
 * The decoders are fed with what the original encoder makes of the speech.
 * @param folder  of the three parts
 */
export function noise(part: keyof typeof INPUTS, folder: string): Task {
  const encoder = join(folder, 'enc.onnx');
  const timing = {
    enc: { feat_erb: [1, 1, FRAMES, 32], feat_spec: [1, 2, FRAMES, 96] },
    erb_dec: { emb: [1, FRAMES, 512], e3: [1, 64, FRAMES, 8], e2: [1, 64, FRAMES, 8], e1: [1, 64, FRAMES, 16], e0: [1, 64, FRAMES, 32] },
    df_dec: { emb: [1, FRAMES, 512], c0: [1, 64, FRAMES, 96] },
  }[part];
  return {
    id: `noise-${part}`,
    async score(path, reference) {
      const samples = await feedsOf(part, encoder, 'prove');
      const [ours, theirs] = [await outputsOf(path, samples), await outputsOf(reference, samples)];
      const outputs = [...theirs].map(([name, original]) => compare(original, ours.get(name)!));
      return { snr: Math.min(...outputs.map(({ snr }) => snr)), cosine: Math.min(...outputs.map((output) => output.cosine)) };
    },
    loss: (_, after) => 10 ** (-at(after, 'snr') / 10),
    async choose(into) {
      const samples = await feedsOf(part, encoder, 'choose');
      return ['--data', writeFeeds(into, samples), '--samples', String(samples.length)];
    },
    inputs: async (half, count) => (await feedsOf(part, encoder, half)).slice(0, count),
    timing: () => [Object.fromEntries(Object.entries(timing).map(([name, dims]) => [name, varied(dims)]))],
  };
}

/** Numbers in [-1, 1] that no shortcut profits from. */
function varied(dims: readonly number[]): Tensor {
  const size = dims.reduce((a, b) => a * b, 1);
  return new Tensor(
    'float32',
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * i)),
    dims,
  );
}

async function feedsOf(part: keyof typeof INPUTS, encoder: string, half: Half): Promise<Tensors[]> {
  const features = readClips(half).flatMap(({ file }) => filterFeatures(readWav(file), PARTS));
  const session = part === 'enc' ? undefined : await openSession(encoder);
  const samples: Tensors[] = [];
  for (const feeds of features) {
    const known: Tensors = session ? await session.run(feeds) : feeds;
    samples.push(Object.fromEntries(INPUTS[part].map((name) => [name, known[name]!])));
  }
  await session?.release();
  return samples;
}

/** All values of each output. */
async function outputsOf(path: string, samples: readonly Tensors[]): Promise<Map<string, Float32Array>> {
  const session = await openSession(path);
  const found = new Map<string, Float32Array[]>(session.outputNames.map((name) => [name, []]));
  for (const feeds of samples) {
    for (const [name, { data }] of Object.entries(await session.run(feeds))) found.get(name)!.push(Float32Array.from(data as Float32Array));
  }
  await session.release();
  return new Map([...found].map(([name, parts]) => [name, joined(parts)]));
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

function compare(original: Float32Array, other: Float32Array) {
  let [power, error] = [0, 0];
  for (let i = 0; i < original.length; i++) {
    power += original[i]! ** 2;
    error += (original[i]! - other[i]!) ** 2;
  }
  return { snr: error === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(power / error), cosine: cosine(original, other) };
}
