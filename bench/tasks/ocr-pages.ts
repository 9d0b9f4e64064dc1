import { join } from 'node:path';
import { randomFor } from '../../packages/tersor/src/core/random.ts';
import { type Line, readLines } from './ocr-data.ts';
import { type Normalisation, type Picture, pictureTensor, preprocessFlag, resize, writePng } from './picture.ts';
import { floats, type Half, mean, once, openSession, type Task } from './task.ts';

const WIDTH = 640;
const HEIGHT = 480;
const PAGES = 24;
/** Where PP-OCR sees text. */
const THRESHOLD = 0.3;
const DETECTOR: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], channels: 'bgr' };

const findTextByOriginal = once((path) => findText(path, makePages('prove')));

/** Finding text on pages made of rendered lines, of either half of them: how far the mask is the original's, intersection over union. */
export const ocrPages: Task = {
  id: 'ocr-pages',
  async score(path, reference) {
    const pages = makePages('prove');
    const originals = await findTextByOriginal(reference);
    const masks = path === reference ? originals : await findText(path, pages);
    return { iou: mean(masks.map((mask, i) => overlap(originals[i]!, mask))), text: mean(masks.map((mask) => mean([...mask]))) };
  },
  loss: (_, after) => 1 - (after.iou ?? Number.NaN),
  choose(folder) {
    makePages('choose').forEach((page, i) => {
      writePng(join(folder, `${i}.png`), page);
    });
    return ['--data', folder, '--preprocess', preprocessFlag(DETECTOR, `${WIDTH}x${HEIGHT}`)];
  },
  inputs: (half, count) => makePages(half).slice(0, count).map(feedsOf),
  timing: () => makePages('choose').slice(0, 1).map(feedsOf),
};

function feedsOf(page: Picture) {
  return { x: pictureTensor(page, DETECTOR) };
}

function makePages(half: Half): Picture[] {
  const lines = readLines(half);
  return Array.from({ length: PAGES }, (_, i) => makePage(lines, `${half} ${i}`));
}

/** Lines of several sizes, below each other on paper of some shade, each darkened like the paper. */
function makePage(lines: readonly Line[], name: string): Picture {
  const random = randomFor(0, name);
  const paper = [0, 1, 2].map(() => 0.75 + 0.25 * random());
  const data = Float32Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => 255 * paper[i % 3]!);
  for (let top = 10 + Math.floor(random() * 30); ; ) {
    const line = lines[Math.floor(random() * lines.length)]!.picture;
    const height = 18 + Math.floor(random() * 34);
    const width = Math.min(WIDTH - 20, Math.round((line.width * height) / line.height));
    if (top + height > HEIGHT) return { width: WIDTH, height: HEIGHT, data };
    const left = Math.floor(random() * (WIDTH - width));
    const piece = resize(line, width, height);
    for (let y = 0; y < height; y++) {
      for (let i = 0; i < width * 3; i++) {
        data[((top + y) * WIDTH + left) * 3 + i]! *= piece.data[y * width * 3 + i]! / 255;
      }
    }
    top += height + 4 + Math.floor(random() * 24);
  }
}

/** One mask a page: 1 where there is text. */
async function findText(path: string, pages: readonly Picture[]): Promise<Uint8Array[]> {
  const session = await openSession(path);
  const masks: Uint8Array[] = [];
  for (const page of pages) {
    const { data } = floats(await session.run(feedsOf(page)));
    masks.push(Uint8Array.from(data, (probability) => (probability > THRESHOLD ? 1 : 0)));
  }
  await session.release();
  return masks;
}

function overlap(a: Uint8Array, b: Uint8Array): number {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    both += a[i]! & b[i]!;
    either += a[i]! | b[i]!;
  }
  return either === 0 ? 1 : both / either;
}
