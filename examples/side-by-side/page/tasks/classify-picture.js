/** What an ImageNet classifier needs around it: a picture as a tensor, and its answer as probabilities. */

export const SIDE = 224;

const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];

/**
 * `[1, 3, height, width]`, red first, `(x / 255 - mean) / deviation`.
 * @param {import('./read-line.js').Pixels} pixels
 * @returns {{ type: 'float32', dims: number[], data: Float32Array }}
 */
export function pictureTensor({ width, height, data }) {
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++)
    for (let c = 0; c < 3; c++) values[c * plane + i] = ((data[i * 4 + c] ?? 0) / 255 - (MEAN[c] ?? 0)) / (DEVIATION[c] ?? 1);
  return { type: 'float32', dims: [1, 3, height, width], data: values };
}

/** Softmax. @param {ArrayLike<number>} logits @returns {Float64Array} */
export function probabilities(logits) {
  const peak = Array.from(logits).reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = Float64Array.from(logits, (value) => Math.exp(value - peak));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

/** The classes with the highest values, the highest first. @param {Float64Array} values @param {number} count */
export function best(values, count) {
  return [...values.keys()].sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0)).slice(0, count);
}
