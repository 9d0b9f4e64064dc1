import { calmly, element, part } from '../elements.js';
import { differences, marked } from '../mark-differences.js';
import { alphabetOf, LINE_HEIGHT, lineTensor, readText } from '../tasks/read-line.js';
import { largestDifference, onlyOutput } from '../trial.js';
import { smallText } from '../units.js';
import { onPicture } from './on-picture.js';

const MOST_WIDTH = 1600;
const MARGIN = 12;

/**
 * A line of text, typed or from a picture, and what both models read in it.
 * @param {HTMLElement} section
 * @param {Readonly<Record<string, string>>} beside
 * @param {() => void} ask
 * @returns {Promise<import('../trial.js').View>}
 */
export async function openLineView(section, beside, ask) {
  const keys = await (await fetch(beside['ppocr_keys_v1.txt'] ?? '')).text();
  const alphabet = alphabetOf(keys);
  const canvas = /** @type {HTMLCanvasElement} */ (part(section, 'canvas'));
  const text = /** @type {HTMLInputElement} */ (part(section, 'text'));
  const font = /** @type {HTMLSelectElement} */ (part(section, 'font'));
  const wear = /** @type {HTMLInputElement} */ (part(section, 'wear'));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser draws no canvas');
  /** @type {ImageBitmap | undefined} */
  let picture;

  function draw() {
    if (!context) return;
    const style = `30px ${font.value}`;
    context.font = style;
    const wanted = picture ? (picture.width * LINE_HEIGHT) / picture.height : context.measureText(text.value).width + 2 * MARGIN;
    canvas.width = Math.round(Math.min(MOST_WIDTH, Math.max(LINE_HEIGHT, wanted)));
    canvas.height = LINE_HEIGHT;
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.filter = `blur(${Number(wear.value) * 0.018}px)`;
    if (picture) context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    else {
      context.font = style;
      context.fillStyle = '#16191d';
      context.textBaseline = 'middle';
      context.fillText(text.value, MARGIN, LINE_HEIGHT / 2 + 1);
    }
    context.filter = 'none';
    addNoise(context, canvas.width, Number(wear.value));
  }

  const redraw = () => {
    draw();
    ask();
  };
  text.addEventListener(
    'input',
    calmly(() => {
      picture = undefined;
      redraw();
    }, 120),
  );
  font.addEventListener('change', redraw);
  wear.addEventListener('input', calmly(redraw, 80));
  onPicture(section, (bitmap) => {
    picture = bitmap;
    redraw();
  });
  draw();

  return {
    feeds: () =>
      picture || text.value.trim() !== '' ? { x: lineTensor(context.getImageData(0, 0, canvas.width, canvas.height)) } : undefined,
    show({ original, compressed }) {
      const [a, b] = [onlyOutput(original), onlyOutput(compressed)];
      const [before, after] = [a, b].map(({ data, dims }) => readText(/** @type {Float32Array} */ (data), dims.at(-1) ?? 0, alphabet));
      if (!before || !after) throw new Error('there are no answers');
      const { pieces, edits } = differences(before.text, after.text);
      part(section, 'original').replaceChildren(reading([before.text], before.confidence));
      part(section, 'compressed').replaceChildren(reading(marked(pieces), after.confidence));
      const letters = [...before.text].length;
      return {
        same: edits === 0,
        text: edits === 0 ? 'Both read the same' : `${edits} of ${letters} characters differ`,
        detail: `largest difference of any probability ${smallText(largestDifference(a.data, b.data))}`,
      };
    },
  };
}

/** @param {readonly (string | Node)[]} text @param {number} confidence */
function reading(text, confidence) {
  return element(
    'div',
    {},
    element('p', { class: 'reading' }, ...text),
    element('p', { class: 'note' }, `sure to ${(confidence * 100).toFixed(1)} %`),
  );
}

/** The same noise every time, so that both models and every visit see the same. @param {CanvasRenderingContext2D} context @param {number} width @param {number} amount */
function addNoise(context, width, amount) {
  if (amount === 0) return;
  const image = context.getImageData(0, 0, width, LINE_HEIGHT);
  let state = 1;
  for (let i = 0; i < image.data.length; i += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const shift = (state / 2 ** 32 - 0.5) * amount * 1.6;
    for (let c = 0; c < 3; c++) image.data[i + c] = (image.data[i + c] ?? 0) + shift;
  }
  context.putImageData(image, 0, 0);
}
