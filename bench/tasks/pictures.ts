import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomFor } from '../../packages/tersor/src/core/random.ts';
import { crop, type Normalisation, type Picture, pictureTensor, preprocessFlag, readPng, resize, writePng } from './picture.ts';
import { argmax, divergence, fixture, floats, type Half, halfOf, lost, mean, once, openSession, type Task } from './task.ts';

export const IMAGENET: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], channels: 'rgb' };
export const LITE: Normalisation = { mean: [0.498, 0.498, 0.498], std: [0.502, 0.502, 0.502], channels: 'rgb' };

const SIDE = 224;
/** Of each of the 71 pictures of the proving half: 1,065 decisions. */
const VIEWS_TO_PROVE = 15;
const VIEWS_TO_CHOOSE = 3;

/**
 * Photographs of things with ImageNet labels, each also cropped, mirrored and shifted by lot: top-1; against the original, agreement and
 * Kullback-Leibler divergence. All views of a picture are in the half of the picture.
 */
export function pictures(normalisation: Normalisation): Task {
  let toProve: Labelled[] | undefined;
  const proving = () => (toProve ??= views('prove', VIEWS_TO_PROVE));
  const classifyOriginal = once((path) => classify(path, proving(), normalisation));
  const name = (i: number) => `${String(i).padStart(4, '0')}.png`;
  return {
    id: `pictures-${normalisation.mean[0]}`,
    async score(path, reference) {
      const labelled = proving();
      const originals = await classifyOriginal(reference);
      const logits = path === reference ? originals : await classify(path, labelled, normalisation);
      return {
        top1: mean(logits.map((row, i) => (labelled[i]!.labels.includes(argmax(row)) ? 1 : 0))),
        agreement: mean(logits.map((row, i) => (argmax(row) === argmax(originals[i]!) ? 1 : 0))),
        divergence: mean(logits.map((row, i) => divergence(originals[i]!, row))),
      };
    },
    loss: (before, after) => lost(before, after, 'top1'),
    choose(folder) {
      const chosen = views('choose', VIEWS_TO_CHOOSE);
      chosen.forEach(({ picture }, i) => {
        writePng(join(folder, name(i)), picture);
      });
      return ['--data', folder, '--preprocess', preprocessFlag(normalisation, `${SIDE}x${SIDE}`), '--samples', String(chosen.length)];
    },
    inputs: (half, count) => firstViews(half, count).map((picture) => ({ input: pictureTensor(picture, normalisation) })),
    timing: () => firstViews('choose', 1).map((picture) => ({ input: pictureTensor(picture, normalisation) })),
  };
}

interface Labelled {
  readonly picture: Picture;
  readonly labels: readonly number[];
}

function firstViews(half: Half, count: number): Picture[] {
  return views(half, 1)
    .slice(0, count)
    .map(({ picture }) => picture);
}

function views(half: Half, count: number): Labelled[] {
  const folder = fixture('data/images');
  const rows: { file: string; labels: number[] }[] = JSON.parse(readFileSync(join(folder, 'labels.json'), 'utf8'));
  return halfOf(rows, half).flatMap(({ file, labels }) => {
    const picture = readPng(join(folder, 'stamps', file));
    return Array.from({ length: count }, (_, view) => ({ picture: viewOf(picture, `${file} ${view}`, view > 0), labels }));
  });
}

/** The picture as it is, or another look at it: 70 to 100 % of its side, off the middle by up to an eighth, mirrored half of the time. */
function viewOf(picture: Picture, name: string, other: boolean): Picture {
  if (!other) return picture;
  const random = randomFor(0, name);
  const side = Math.round(SIDE * (0.7 + 0.3 * random()));
  const off = () => Math.round((SIDE - side) / 2 + (random() - 0.5) * (SIDE / 4));
  return inBytes(resize(crop(picture, off(), off(), side, side, random() < 0.5), SIDE, SIDE));
}

/** As a file would hold it: a thousand views stay in memory. */
function inBytes({ width, height, data }: Picture): Picture {
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.round(data[i]!);
  return { width, height, data: bytes };
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
