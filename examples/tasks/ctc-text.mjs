/**
 * How well a model reads: 1 - character error rate, and lines read without an error. Greedy CTC: the best letter of every step, repetitions and blanks
 * left out.
 *
 *   ALPHABET=keys.txt tersor rec.onnx --data lines/ --preprocess channels=bgr,mean=0.5,std=0.5 --eval ctc-text.mjs
 *
 * What is right stands in lines/labels.tsv (columns `file` and `text`). ALPHABET names a file with a letter a line; blank comes before them, as
 * PaddleOCR has it, and a space behind them.
 */
import { readFileSync } from 'node:fs';

/** @type {import('tersor').Evaluate} */
export default async function ctcText(session, { samples }) {
  const alphabet = readAlphabet(process.env.ALPHABET ?? 'keys.txt');
  /** @type {{ distance: number, length: number }[]} */
  const lines = [];
  for (const { feeds, labels } of samples) {
    if (labels.length === 0) continue;
    const [scores] = Object.values(await session.run(feeds));
    const text = String(labels[0]);
    const read = greedyText(/** @type {Float32Array} */ (scores?.data), scores?.shape.at(-1) ?? 1, alphabet);
    lines.push({ distance: editDistance(text, read), length: text.length });
  }
  if (lines.length === 0) throw new Error('no sample has a label: see the top of ctc-text.mjs');
  // divided by the mean length, so that the mean over lines is one minus the error rate over all characters
  const length = lines.reduce((sum, line) => sum + line.length, 0) / lines.length;
  return { '1 - CER': lines.map(({ distance }) => 1 - distance / length), exact: lines.map(({ distance }) => (distance === 0 ? 1 : 0)) };
}

/** @param {string} path */
export function readAlphabet(path) {
  const letters = readFileSync(path, 'utf8').split(/\r?\n/);
  if (letters.at(-1) === '') letters.pop();
  return ['', ...letters, ' '];
}

/**
 * @param {ArrayLike<number>} scores  `[steps, letters]`
 * @param {number} letters
 * @param {readonly string[]} alphabet  the blank is the first
 */
export function greedyText(scores, letters, alphabet) {
  let text = '';
  let last = 0;
  for (let start = 0; start < scores.length; start += letters) {
    let best = 0;
    for (let i = 1; i < letters; i++) if (Number(scores[start + i]) > Number(scores[start + best])) best = i;
    if (best !== last) text += alphabet[best] ?? '';
    last = best;
  }
  return text;
}

/**
 * Letters to insert, delete or replace (Levenshtein 1966).
 * @param {string} a
 * @param {string} b
 */
export function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= b.length; j++) {
      const replaced = Number(row[j - 1]) + (letter === b[j - 1] ? 0 : 1);
      next[j] = Math.min(Number(row[j]) + 1, Number(next[j - 1]) + 1, replaced);
    }
    row = next;
  }
  return Number(row[b.length]);
}
