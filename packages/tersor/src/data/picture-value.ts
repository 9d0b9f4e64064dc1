import type { Value } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import { MAX_PIXELS, type Picture } from './picture.ts';
import type { PicturePlan } from './picture-plan.ts';
import type { PictureSize } from './preprocess.ts';
import { resize } from './resize.ts';
import { checkShape, toValue } from './to-value.ts';

interface Extent {
  readonly width: number;
  readonly height: number;
}

/**
 * A picture as a model sees it: resized, cut, scaled, normalised and laid out. Where the model's size is fixed and the picture's aspect is kept, what
 * is too wide is squeezed and what is left over is zero.
 * @throws DATA_INVALID when it becomes absurdly large, or does not fit the input
 */
export function pictureValue(picture: Picture, plan: PicturePlan, where: string): Value {
  const target = targetOf(picture, plan);
  if (target.width * target.height > MAX_PIXELS)
    throw new TersorError(
      'DATA_INVALID',
      where,
      `would become ${target.width} x ${target.height} pixels`,
      'leave it out, or give another size',
    );
  const resized = resize(picture, target.width, target.height, plan.resample);
  // The shorter side fits; of the longer one the middle is taken.
  const cutsToInput = plan.size && 'shortest' in plan.size && plan.width !== undefined && plan.height !== undefined;
  const crop = plan.crop ?? (cutsToInput ? { width: plan.width ?? 0, height: plan.height ?? 0 } : undefined);
  const frame = crop ?? { width: plan.width ?? target.width, height: plan.height ?? target.height };
  const left = crop ? Math.floor((target.width - frame.width) / 2) : 0;
  const top = crop ? Math.floor((target.height - frame.height) / 2) : 0;
  const data = layOut(resized, { ...frame, left, top }, plan);
  const depth = plan.mean.length;
  const dims = plan.layout === 'nchw' ? [depth, frame.height, frame.width] : [frame.height, frame.width, depth];
  const shape = plan.info.shape?.length === 3 ? dims : [1, ...dims];
  const value = toValue({ data, shape }, plan.info, where);
  checkShape(value, plan.info, where);
  return value;
}

function targetOf(picture: Picture, { size, width, height, crop }: PicturePlan): Extent {
  const wanted = size ? sizeFor(picture, size) : { width: picture.width, height: picture.height };
  if (crop || (size && 'shortest' in size)) return wanted;
  return { width: Math.min(wanted.width, width ?? wanted.width), height: Math.min(wanted.height, height ?? wanted.height) };
}

function sizeFor(picture: Picture, size: PictureSize): Extent {
  const side = (length: number) => Math.max(1, Math.round(length));
  if ('shortest' in size) {
    const [shorter, longer] = [Math.min(picture.width, picture.height), Math.max(picture.width, picture.height)];
    const factor = Math.min(size.shortest / shorter, (size.longest ?? Number.POSITIVE_INFINITY) / longer);
    // Pillow and torchvision cut fractions off the longer side.
    const long = Math.max(1, Math.trunc(longer * factor));
    const short = side(shorter * factor);
    return picture.width <= picture.height ? { width: short, height: long } : { width: long, height: short };
  }
  const { width, height } = size;
  return {
    width: width ?? side((picture.width * (height ?? picture.height)) / picture.height),
    height: height ?? side((picture.height * (width ?? picture.width)) / picture.width),
  };
}

/** The part of a picture that lies in `frame`, as numbers; what it does not cover is zero. */
function layOut(picture: Picture, frame: Extent & { readonly left: number; readonly top: number }, plan: PicturePlan): Float32Array {
  const { scale, mean, std, channels, layout } = plan;
  const depth = mean.length;
  const result = new Float32Array(frame.width * frame.height * depth);
  for (let c = 0; c < depth; c++) {
    // Every byte has one value: 256 of them are quicker made than each pixel's.
    const values = Float32Array.from({ length: 256 }, (_, byte) => (byte * scale - mean[c]!) / std[c]!);
    for (let y = Math.max(0, -frame.top); y < frame.height && y + frame.top < picture.height; y++) {
      for (let x = Math.max(0, -frame.left); x < frame.width && x + frame.left < picture.width; x++) {
        const byte = byteOf(picture, ((y + frame.top) * picture.width + x + frame.left) * 3, c, channels);
        const pixel = y * frame.width + x;
        result[layout === 'nchw' ? c * frame.width * frame.height + pixel : pixel * depth + c] = values[byte]!;
      }
    }
  }
  return result;
}

/** Gray as Pillow weighs it (ITU-R 601). */
function byteOf({ data }: Picture, at: number, channel: number, channels: PicturePlan['channels']): number {
  if (channels === 'gray') return Math.round(0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!);
  return data[at + (channels === 'bgr' ? 2 - channel : channel)]!;
}
