import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import type { PictureSize, Preprocess } from './preprocess.ts';
import { describe } from './to-value.ts';

/** How pictures become the values of one input; nothing is left open but sizes that follow each picture's own. */
export interface PicturePlan {
  readonly info: ValueInfo;
  readonly size: PictureSize | undefined;
  readonly crop: Preprocess['crop'];
  /** What the input fixes. */
  readonly height: number | undefined;
  readonly width: number | undefined;
  readonly resample: NonNullable<Preprocess['resample']>;
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly channels: NonNullable<Preprocess['channels']>;
  readonly layout: NonNullable<Preprocess['layout']>;
}

/**
 * Fills in what a preprocessing leaves out: sizes, channels and layout from the input's shape, the scale from its type.
 * @returns the plan, and what it does in words
 * @throws DATA_INVALID when the input takes no pictures, or others than are asked for
 */
export function planPictures(info: ValueInfo, asked: Preprocess, source: string): { readonly plan: PicturePlan; readonly note: string } {
  const { dtype, shape } = info;
  if (shape && shape.length !== 4 && shape.length !== 3) throw unfit(info, 'takes no pictures: they have 4 axes, or 3 without a batch');
  const axes = shape?.slice(-3) ?? [undefined, undefined, undefined];
  const layout = asked.layout ?? (isDepth(axes[2]) && !isDepth(axes[0]) ? 'nhwc' : 'nchw');
  const [depth, height, width] = (layout === 'nchw' ? axes : [axes[2], axes[0], axes[1]]).map(fixed);
  if (depth !== undefined && depth !== 1 && depth !== 3) throw unfit(info, `wants ${depth} channels`);
  const channels = asked.channels ?? (depth === 1 ? 'gray' : 'rgb');
  const count = channels === 'gray' ? 1 : 3;
  if (depth !== undefined && depth !== count) throw unfit(info, `wants ${depth} channels, and ${channels} has ${count}`);
  const takesFloats = dtype === undefined || dtype.startsWith('f') || dtype === 'bf16';
  const size =
    asked.size ?? (height !== undefined || width !== undefined ? { ...(width && { width }), ...(height && { height }) } : undefined);
  const plan: PicturePlan = {
    info,
    size,
    crop: asked.crop,
    height,
    width,
    resample: asked.resample ?? 'bilinear',
    scale: asked.scale ?? (takesFloats ? 1 / 255 : 1),
    mean: spread(asked.mean ?? [0], count),
    std: spread(asked.std ?? [1], count),
    channels,
    layout,
  };
  return { plan, note: explain(plan, asked, source) };
}

/** "x: size=224x224 (from the input), resample=bilinear, ..., so that --preprocess could say the same". */
function explain(plan: PicturePlan, asked: Preprocess, source: string): string {
  const { size, crop, resample, scale, mean, std, channels, layout, info } = plan;
  const said: readonly (readonly [keyof Preprocess, string])[] = [
    ['size', size ? sizeText(size) : "each picture's own"],
    ...(crop ? [['crop', `${crop.width}x${crop.height}`] as const] : []),
    ['resample', resample],
    ['scale', scale === 1 / 255 ? '1/255' : String(scale)],
    ['mean', listText(mean)],
    ['std', listText(std)],
    ['channels', channels],
    ['layout', layout],
  ];
  const words = (isAsked: boolean) =>
    said.flatMap(([key, value]) => ((asked[key] !== undefined) === isAsked ? `${key}=${value}` : [])).join(', ');
  const [given, guessed] = [words(true), words(false)];
  return `${info.name}: ${[given && `${given} (${source})`, guessed && `${guessed} (from ${describe(info)}; correct it with --preprocess)`].filter(Boolean).join('; ')}`;
}

function sizeText(size: PictureSize): string {
  if (!('shortest' in size)) return `${size.width ?? ''}x${size.height ?? ''}`;
  return size.longest === undefined ? `${size.shortest}` : `${size.shortest} (at most ${size.longest})`;
}

function listText([first, ...others]: readonly number[]): string {
  return others.every((other) => other === first) ? String(first) : [first, ...others].join('/');
}

function spread(values: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, index) => values[index] ?? values[0] ?? 0);
}

function isDepth(dim: number | string | undefined): boolean {
  return dim === 1 || dim === 3;
}

function fixed(dim: number | string | undefined): number | undefined {
  return typeof dim === 'number' ? dim : undefined;
}

function unfit(info: ValueInfo, what: string): TersorError {
  return new TersorError('DATA_INVALID', info.name, `${describe(info)} ${what}`, 'give it the inputs themselves: .npz or a JS module');
}
