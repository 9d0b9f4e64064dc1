import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { type Picture, readPng } from './picture.ts';
import { argmax, fixture, floats, openSession, type Task } from './task.ts';

/** How a classifier wants its pictures: `(x / 255 - mean) / std`. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

export const IMAGENET: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
export const LITE: Normalisation = { mean: [0.498, 0.498, 0.498], std: [0.502, 0.502, 0.502] };

/** 142 photographs of things with ImageNet labels: top-1; against a reference, agreement and Kullback-Leibler divergence too. */
export function pictures(normalisation: Normalisation): Task {
  return {
    id: 'pictures',
    async score(path, reference) {
      const labelled = readLabelled();
      const logits = await classify(path, labelled, normalisation);
      const top1 = logits.filter((row, i) => labelled[i]!.labels.includes(argmax(row))).length / labelled.length;
      if (!reference) return { top1 };
      const originals = await classify(reference, labelled, normalisation);
      return {
        top1,
        agreement: logits.filter((row, i) => argmax(row) === argmax(originals[i]!)).length / logits.length,
        divergence: logits.reduce((sum, row, i) => sum + divergence(originals[i]!, row), 0) / logits.length,
      };
    },
  };
}

interface Labelled {
  readonly picture: Picture;
  readonly labels: readonly number[];
}

function readLabelled(): Labelled[] {
  const folder = fixture('data/images');
  const rows: { file: string; labels: number[] }[] = JSON.parse(readFileSync(join(folder, 'labels.json'), 'utf8'));
  return rows.map(({ file, labels }) => ({ picture: readPng(join(folder, 'stamps', file)), labels }));
}

function pictureTensor({ width, height, data }: Picture, { mean, std }: Normalisation): Tensor {
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) values[c * plane + i] = (data[i * 3 + c]! / 255 - mean[c]!) / std[c]!;
  return new Tensor('float32', values, [1, 3, height, width]);
}

async function classify(path: string, labelled: readonly Labelled[], normalisation: Normalisation): Promise<Float32Array[]> {
  const session = await openSession(path);
  const rows: Float32Array[] = [];
  for (const { picture } of labelled) {
    rows.push(floats(await session.run({ [session.inputNames[0]!]: pictureTensor(picture, normalisation) })).data.slice());
  }
  await session.release();
  return rows;
}

/** KL(p || q) in nats, from logits. */
function divergence(p: Float32Array, q: Float32Array): number {
  const [a, b] = [logSoftmax(p), logSoftmax(q)];
  return a.reduce((sum, value, i) => sum + Math.exp(value) * (value - b[i]!), 0);
}

function logSoftmax(logits: Float32Array): Float64Array {
  const peak = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const log = peak + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - peak), 0));
  return Float64Array.from(logits, (value) => value - log);
}
