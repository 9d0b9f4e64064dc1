/**
 * How well a model's masks cover what they should: intersection over union.
 *
 *   MASKS=masks/ tersor segment.onnx --data photos/ --eval segmentation.mjs
 *
 * MASKS holds a .png of the same name for every picture: of a model with one channel, white is what it should find; of one with a channel for each
 * class, the red value is the number of the class. Needs: npm i pngjs
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import pngjs from 'pngjs';

/** @type {import('tersor').Evaluate} */
export default async function segmentation(session, { samples }) {
  const scores = [];
  for (const { id, feeds } of samples) {
    const path = join(process.env.MASKS ?? 'masks', `${basename(id, extname(id))}.png`);
    if (!existsSync(path)) continue;
    const [map] = Object.values(await session.run(feeds));
    const [channels = 1, height = 1, width = 1] = map?.shape.slice(-3) ?? [];
    const found = classMap(/** @type {Float32Array} */ (map?.data), channels);
    scores.push(meanIou(found, readMask(path, { channels, height, width })));
  }
  if (scores.length === 0) throw new Error('no picture has a mask: see the top of segmentation.mjs');
  return { iou: scores };
}

/**
 * The class of every pixel: the channel with the highest score or, of one channel, whether it is above a half.
 * @param {ArrayLike<number>} scores  `[channels, pixels]`
 * @param {number} channels
 */
export function classMap(scores, channels) {
  const pixels = scores.length / channels;
  return Uint8Array.from({ length: pixels }, (_, i) => {
    if (channels === 1) return Number(scores[i]) > 0.5 ? 1 : 0;
    let best = 0;
    for (let c = 1; c < channels; c++) if (Number(scores[c * pixels + i]) > Number(scores[best * pixels + i])) best = c;
    return best;
  });
}

/**
 * Intersection over union, averaged over the classes that either has; class 0 is background.
 * @param {Uint8Array} found
 * @param {Uint8Array} right
 */
export function meanIou(found, right) {
  const classes = [...new Set([...found, ...right])].filter((id) => id !== 0);
  if (classes.length === 0) return 1;
  const ious = classes.map((id) => {
    let [both, either] = [0, 0];
    for (let i = 0; i < found.length; i++) {
      const [a, b] = [found[i] === id, right[i] === id];
      if (a && b) both++;
      if (a || b) either++;
    }
    return both / either;
  });
  return ious.reduce((sum, iou) => sum + iou, 0) / ious.length;
}

/**
 * A mask at the size of the output; the nearest pixel counts.
 * @param {string} path
 * @param {{ channels: number, height: number, width: number }} size
 */
function readMask(path, { channels, height, width }) {
  const mask = pngjs.PNG.sync.read(readFileSync(path));
  return Uint8Array.from({ length: height * width }, (_, i) => {
    const y = Math.floor(((Math.floor(i / width) + 0.5) * mask.height) / height);
    const x = Math.floor((((i % width) + 0.5) * mask.width) / width);
    const red = Number(mask.data[(y * mask.width + x) * 4]);
    return channels === 1 ? Number(red > 127) : red;
  });
}
