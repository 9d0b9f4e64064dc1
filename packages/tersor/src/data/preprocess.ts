import { TersorError } from '../core/error.ts';
import { nearest } from '../core/nearest.ts';

/**
 * How a picture is made smaller or larger. `nearest`, `box`, `bilinear`, `bicubic` and `lanczos` as Pillow has them: pictures that shrink are averaged;
 * `linear` as OpenCV's INTER_LINEAR: they are not.
 */
export const RESAMPLES = ['nearest', 'box', 'bilinear', 'bicubic', 'lanczos', 'linear'] as const;
export type Resample = (typeof RESAMPLES)[number];

export const CHANNELS = ['rgb', 'bgr', 'gray'] as const;
export const LAYOUTS = ['nchw', 'nhwc'] as const;

/** Pixels; where only one of two is there, the other one follows from the picture's own aspect. */
export type PictureSize =
  | { readonly width?: number; readonly height?: number }
  /** The shorter side, unless the longer one would become longer than it may. */
  | { readonly shortest: number; readonly longest?: number };

/** What is done to pictures and sound before a model sees them. What is left out is read from the model's input. */
export interface Preprocess {
  readonly size?: PictureSize;
  /** Cut from the middle after resizing. */
  readonly crop?: { readonly width: number; readonly height: number };
  readonly resample?: Resample;
  /** Bytes are multiplied by it. */
  readonly scale?: number;
  /** Taken from scaled values, for each channel in the model's order, or for all. */
  readonly mean?: readonly number[];
  /** Scaled values without their mean are divided by it. */
  readonly std?: readonly number[];
  readonly channels?: (typeof CHANNELS)[number];
  readonly layout?: (typeof LAYOUTS)[number];
  /** Samples of sound a second. */
  readonly rate?: number;
  /** Samples in one run. */
  readonly window?: number;
  /** Samples of the window before that are put in front of each. */
  readonly context?: number;
  /** Sound is brought to mean 0 and deviation 1. */
  readonly standardize?: boolean;
}

/** No model looks at pictures of more pixels a side. */
export const MAX_SIDE = 16384;
const MAX_RATE = 768_000;
const MAX_WINDOW = 2 ** 24;

const WHERE = '--preprocess';

const READ: { readonly [K in keyof Preprocess]-?: (text: string) => NonNullable<Preprocess[K]> } = {
  size: readSize,
  crop: readCrop,
  resample: (text) => oneOf('resample', text, RESAMPLES),
  scale: (text) => readFraction('scale', text),
  mean: (text) => readList('mean', text),
  std: (text) => nonZero(readList('std', text), text),
  channels: (text) => oneOf('channels', text, CHANNELS),
  layout: (text) => oneOf('layout', text, LAYOUTS),
  rate: (text) => readInteger('rate', text, 1, MAX_RATE),
  window: (text) => readInteger('window', text, 1, MAX_WINDOW),
  context: (text) => readInteger('context', text, 0, MAX_WINDOW),
  standardize: (text) => oneOf('standardize', text, ['true', 'false']) === 'true',
};

/**
 * `size=224x224,scale=1/255,mean=0.485/0.456/0.406,std=0.229/0.224/0.225,channels=rgb,layout=nchw` as data.
 * `size=x48` fixes the height alone, `size=256` the shorter side.
 * @throws OPTION_VALUE
 */
export function parsePreprocess(text: string): Preprocess {
  const entries = text.split(',').map((part): [string, unknown] => {
    const [key = '', ...rest] = part.trim().split('=');
    if (!isKey(key)) {
      const close = nearest(key, Object.keys(READ));
      throw new TersorError(
        'OPTION_VALUE',
        WHERE,
        `no setting "${key}"`,
        close ? `did you mean "${close}"?` : `it takes ${Object.keys(READ).join(', ')}`,
      );
    }
    return [key, READ[key](rest.join('=').trim())];
  });
  return Object.fromEntries(entries);
}

function isKey(key: string): key is keyof Preprocess {
  return Object.hasOwn(READ, key);
}

function readSize(text: string): PictureSize {
  const [, width, x, height] = /^(\d*)(x?)(\d*)$/.exec(text) ?? [];
  if (!width && !height) throw wrong('size', text, 'width x height such as 224x224, x48 for the height alone, or 256 for the shorter side');
  if (!x) return { shortest: readSide('size', text) };
  return { ...(width && { width: readSide('size', width) }), ...(height && { height: readSide('size', height) }) };
}

function readCrop(text: string): { readonly width: number; readonly height: number } {
  const size = readSize(text);
  if ('shortest' in size) return { width: size.shortest, height: size.shortest };
  if (size.width === undefined || size.height === undefined) throw wrong('crop', text, 'width x height, such as 224x224');
  return { width: size.width, height: size.height };
}

function readSide(key: string, text: string): number {
  return readInteger(key, text, 1, MAX_SIDE);
}

function readInteger(key: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw wrong(key, text, `a whole number from ${min} to ${max}`);
}

/** "1/255" or "0.0039". */
function readFraction(key: string, text: string): number {
  const parts = text.split('/');
  const [over = Number.NaN, under = 1] = parts.map(readNumber);
  const value = over / under;
  if (parts.length <= 2 && Number.isFinite(value) && value !== 0) return value;
  throw wrong(key, text, 'a number such as 1/255');
}

function readList(key: string, text: string): number[] {
  const values = text.split('/').map(readNumber);
  if (values.length <= 3 && values.length !== 2 && values.every(Number.isFinite)) return values;
  throw wrong(key, text, 'one number, or one a channel such as 0.485/0.456/0.406');
}

function nonZero(values: number[], text: string): number[] {
  if (values.includes(0)) throw wrong('std', text, 'numbers other than 0');
  return values;
}

function readNumber(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

function oneOf<const T extends string>(key: string, text: string, values: readonly T[]): T {
  const value = values.find((known) => known === text);
  if (value) return value;
  throw wrong(key, text, values.join(' | '));
}

function wrong(key: string, text: string, takes: string): TersorError {
  return new TersorError('OPTION_VALUE', WHERE, `${key}="${text}"`, `${key} takes ${takes}`);
}
