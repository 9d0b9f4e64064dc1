import { part } from '../elements.js';
import { pairedBars } from '../paired-bars.js';
import { best, pictureTensor, probabilities, SIDE } from '../tasks/classify-picture.js';
import { onlyOutput } from '../trial.js';
import { onPicture } from './on-picture.js';

const SHOWN = 5;

/**
 * A picture, and what both models see in it.
 * @param {HTMLElement} section
 * @param {Readonly<Record<string, string>>} beside
 * @param {() => void} ask
 * @returns {Promise<import('../trial.js').View>}
 */
export async function openPictureView(section, beside, ask) {
  const classes = (await (await fetch(beside['imagenet_classes.txt'] ?? '')).text()).trim().split(/\r?\n/);
  const canvas = /** @type {HTMLCanvasElement} */ (part(section, 'canvas'));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser draws no canvas');
  canvas.width = canvas.height = SIDE;
  const samples = [...section.querySelectorAll('button[data-sample]')];

  /** The largest square of the middle, on white. @param {CanvasImageSource} picture @param {number} width @param {number} height */
  function draw(picture, width, height) {
    if (!context) return;
    const side = Math.min(width, height);
    context.fillStyle = '#fff';
    context.fillRect(0, 0, SIDE, SIDE);
    context.imageSmoothingQuality = 'high';
    context.drawImage(picture, (width - side) / 2, (height - side) / 2, side, side, 0, 0, SIDE, SIDE);
  }

  /** @param {Element | undefined} chosen */
  async function drawSample(chosen) {
    for (const sample of samples) sample.setAttribute('aria-pressed', String(sample === chosen));
    const image = chosen?.querySelector('img');
    if (!image) return;
    await image.decode();
    draw(image, image.naturalWidth, image.naturalHeight);
  }

  for (const sample of samples) sample.addEventListener('click', () => void drawSample(sample).then(ask));
  onPicture(section, (bitmap) => {
    void drawSample(undefined);
    draw(bitmap, bitmap.width, bitmap.height);
    ask();
  });
  await drawSample(samples[0]);

  return {
    feeds: () => ({ input: pictureTensor(context.getImageData(0, 0, SIDE, SIDE)) }),
    show({ original, compressed }) {
      const [a, b] = [
        probabilities(/** @type {Float32Array} */ (onlyOutput(original).data)),
        probabilities(/** @type {Float32Array} */ (onlyOutput(compressed).data)),
      ];
      const shown = [...new Set([...best(a, SHOWN), ...best(b, SHOWN)])].sort((x, y) => (a[y] ?? 0) - (a[x] ?? 0));
      const rows = shown.map((i) => ({ label: classes[i] ?? `class ${i}`, original: a[i] ?? 0, compressed: b[i] ?? 0 }));
      part(section, 'answers').replaceChildren(pairedBars(rows, 'The likeliest classes', (value) => `${(value * 100).toFixed(1)} %`));
      const [first, other] = [best(a, 1)[0] ?? 0, best(b, 1)[0] ?? 0];
      const largest = a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? 0))), 0);
      return {
        same: first === other,
        text: first === other ? `Both see: ${classes[first]}` : `${classes[first]} became ${classes[other]}`,
        detail: `largest difference ${(largest * 100).toFixed(2)} percentage points`,
      };
    },
  };
}
