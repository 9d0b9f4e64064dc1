import type { Picture } from './picture.ts';
import type { Resample } from './preprocess.ts';

interface Filter {
  /** Source pixels that count on each side, when the picture is not made smaller. */
  readonly support: number;
  /** Whether it widens when the picture shrinks, so that every source pixel counts. */
  readonly widens: boolean;
  weight(distance: number): number;
}

const FILTERS: Readonly<Record<Exclude<Resample, 'nearest'>, Filter>> = {
  box: { support: 0.5, widens: true, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, widens: true, weight: triangle },
  linear: { support: 1, widens: false, weight: triangle },
  bicubic: { support: 2, widens: true, weight: cubic },
  lanczos: { support: 3, widens: true, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Of one new pixel along an axis: the first source pixel that counts, and how much each counts. */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * A picture in another size, first across and then down, rounded to bytes each time as Pillow does.
 * Source: Pillow, `Resample.c`; Keys 1981 with a = -0.5 for `bicubic`.
 */
export function resize(picture: Picture, width: number, height: number, resample: Resample): Picture {
  const across = width === picture.width ? picture : resizeRows(picture, tapsFor(picture.width, width, resample));
  if (height === picture.height) return across;
  return transpose(resizeRows(transpose(across), tapsFor(picture.height, height, resample)));
}

function tapsFor(from: number, to: number, resample: Resample): Taps[] {
  const scale = from / to;
  if (resample === 'nearest')
    return Array.from({ length: to }, (_, i) => ({ first: Math.min(from - 1, Math.floor((i + 0.5) * scale)), weights: [1] }));
  const { support, widens, weight } = FILTERS[resample];
  const stretch = widens ? Math.max(1, scale) : 1;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * stretch + 0.5));
    const last = Math.min(from, Math.trunc(centre + support * stretch + 0.5));
    const weights = Array.from({ length: last - first }, (_, k) => weight((first + k - centre + 0.5) / stretch));
    const sum = weights.reduce((total, part) => total + part, 0);
    return { first, weights: weights.map((part) => part / sum) };
  });
}

function resizeRows({ width, height, data }: Picture, taps: readonly Taps[]): Picture {
  const result = new Uint8ClampedArray(taps.length * height * 3);
  for (let y = 0; y < height; y++) {
    for (const [x, { first, weights }] of taps.entries()) {
      const at = (y * width + first) * 3;
      let [red, green, blue] = [0, 0, 0];
      for (let k = 0; k < weights.length; k++) {
        const weight = weights[k]!;
        red += weight * data[at + 3 * k]!;
        green += weight * data[at + 3 * k + 1]!;
        blue += weight * data[at + 3 * k + 2]!;
      }
      const to = (y * taps.length + x) * 3;
      result[to] = Math.floor(red + 0.5);
      result[to + 1] = Math.floor(green + 0.5);
      result[to + 2] = Math.floor(blue + 0.5);
    }
  }
  return { width: taps.length, height, data: new Uint8Array(result.buffer) };
}

function transpose({ width, height, data }: Picture): Picture {
  const result = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [(y * width + x) * 3, (x * height + y) * 3];
      for (let c = 0; c < 3; c++) result[to + c] = data[from + c]!;
    }
  }
  return { width: height, height: width, data: result };
}

function triangle(x: number): number {
  return Math.max(0, 1 - Math.abs(x));
}

function cubic(x: number): number {
  const [d, a] = [Math.abs(x), -0.5];
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((d - 5) * d + 8) * d * a - 4 * a : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
