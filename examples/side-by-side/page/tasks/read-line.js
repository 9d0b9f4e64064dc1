/** What PP-OCR recognition needs around it: a line of text as a tensor, and its answer as text. */

export const LINE_HEIGHT = 48;

/** @typedef {{ readonly width: number, readonly height: number, readonly data: Uint8ClampedArray | Uint8Array }} Pixels  RGBA */

/**
 * `[1, 3, 48, width]`, blue first, from -1 to 1.
 * @param {Pixels} pixels  48 high
 * @returns {{ type: 'float32', dims: number[], data: Float32Array }}
 */
export function lineTensor({ width, height, data }) {
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) values[c * plane + i] = (data[i * 4 + 2 - c] ?? 0) / 127.5 - 1;
  return { type: 'float32', dims: [1, 3, height, width], data: values };
}

/** The characters of the model's classes: class 0 is the blank of CTC, the last is the space. @param {string} keys  a character a line */
export function alphabetOf(keys) {
  const characters = keys.split(/\r?\n/);
  if (characters.at(-1) === '') characters.pop();
  return ['', ...characters, ' '];
}

/**
 * Greedy CTC: the best class of every step, repetitions and blanks left out.
 * @param {ArrayLike<number>} data  probabilities, `[steps, classes]`
 * @param {number} classes
 * @param {readonly string[]} alphabet
 * @returns {{ text: string, confidence: number }}  confidence: mean probability of the characters
 */
export function readText(data, classes, alphabet) {
  let [text, sum, count, last] = ['', 0, 0, 0];
  for (let start = 0; start < data.length; start += classes) {
    let best = 0;
    for (let i = 1; i < classes; i++) if ((data[start + i] ?? 0) > (data[start + best] ?? 0)) best = i;
    if (best !== last && best !== 0) {
      text += alphabet[best] ?? '';
      sum += data[start + best] ?? 0;
      count++;
    }
    last = best;
  }
  return { text, confidence: count === 0 ? 0 : sum / count };
}
