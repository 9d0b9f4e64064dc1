import { TersorError } from '../core/error.ts';
import { MAX_SIDE, type PictureSize, type Preprocess, type Resample } from './preprocess.ts';

const NAME = 'preprocessor_config.json';

/** Pillow's numbers for its filters. */
const PILLOW: Readonly<Record<number, Resample>> = { 0: 'nearest', 1: 'lanczos', 2: 'bilinear', 3: 'bicubic', 4: 'box' };

/** Below this size ConvNeXt's processor shrinks to a larger picture and cuts the middle out. */
const CROP_FROM_LARGER = 384;

type Config = Readonly<Record<string, unknown>>;

/**
 * What a Hugging Face image processor or feature extractor does, as far as its file says it.
 * @throws DATA_INVALID for values that no processor can have
 */
export function fromPreprocessorConfig(config: Config): Preprocess {
  const rate = config.sampling_rate === undefined ? undefined : numberIn('sampling_rate', config.sampling_rate, 1, 768_000);
  if (rate !== undefined) return { rate, ...(config.do_normalize === true && { standardize: true }) };
  const resizes = config.do_resize !== false;
  const { size, crop } = resizes || config.do_center_crop === true ? sizesOf(config) : {};
  const resample = typeof config.resample === 'number' ? PILLOW[config.resample] : undefined;
  const mean = config.do_normalize === false ? undefined : listOf('image_mean', config.image_mean);
  const std = config.do_normalize === false ? undefined : listOf('image_std', config.image_std);
  if (std?.includes(0)) throw wrong('image_std', 'holds a zero');
  return {
    ...(resizes && size && { size }),
    ...(crop && { crop }),
    ...(resample && { resample }),
    scale: config.do_rescale === false ? 1 : numberIn('rescale_factor', config.rescale_factor ?? 1 / 255, 1e-9, 1e9),
    ...(mean && { mean }),
    ...(std && { std }),
    ...(config.do_flip_channel_order === true && { channels: 'bgr' as const }),
  };
}

function sizesOf(config: Config): Pick<Preprocess, 'size' | 'crop'> {
  const crops = config.do_center_crop === true;
  const size = sizeOf('size', config.size, crops);
  const share = config.crop_pct;
  // ConvNeXt's own way of saying: 224 from the middle of 256.
  if (typeof share === 'number' && share > 0 && share <= 1 && size && 'shortest' in size && size.shortest < CROP_FROM_LARGER) {
    const { shortest } = size;
    return { size: { shortest: Math.floor(shortest / share) }, crop: { width: shortest, height: shortest } };
  }
  const cropSize = crops ? sizeOf('crop_size', config.crop_size ?? config.size, false) : undefined;
  const crop = cropSize && ('shortest' in cropSize ? { width: cropSize.shortest, height: cropSize.shortest } : cropSize);
  return {
    ...(size && { size }),
    ...(crop?.width !== undefined && crop.height !== undefined && { crop: { width: crop.width, height: crop.height } }),
  };
}

/** A number alone means a square, or for those who cut the middle out afterwards, the shorter side. */
function sizeOf(name: string, value: unknown, numberIsShortest: boolean): PictureSize | undefined {
  if (value === undefined || value === null) return undefined;
  const side = (key: string, given: unknown) => numberIn(key, given, 1, MAX_SIDE);
  if (typeof value === 'number') {
    const pixels = side(name, value);
    return numberIsShortest ? { shortest: pixels } : { width: pixels, height: pixels };
  }
  const fields = typeof value === 'object' ? new Map<string, unknown>(Object.entries(value)) : new Map<string, unknown>();
  const [height, width, shortest, longest] = ['height', 'width', 'shortest_edge', 'longest_edge'].map((key) => fields.get(key));
  if (height !== undefined && width !== undefined) return { height: side(`${name}.height`, height), width: side(`${name}.width`, width) };
  if (shortest !== undefined) {
    return {
      shortest: side(`${name}.shortest_edge`, shortest),
      ...(longest !== undefined && { longest: side(`${name}.longest_edge`, longest) }),
    };
  }
  throw wrong(name, 'is of no known form', 'say it with --preprocess size=224x224');
}

function listOf(name: string, value: unknown): readonly number[] | undefined {
  if (value === undefined || value === null) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const numbers = list.filter((item): item is number => typeof item === 'number' && Number.isFinite(item));
  if (numbers.length === list.length && (numbers.length === 1 || numbers.length === 3)) return numbers;
  throw wrong(name, 'is not one number a channel');
}

function numberIn(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw wrong(name, `is ${JSON.stringify(value)}, not a number from ${min} to ${max}`);
}

function wrong(field: string, what: string, hint = 'correct it, or say it with --preprocess'): TersorError {
  return new TersorError('DATA_INVALID', `${NAME}: ${field}`, what, hint);
}
