import type { ValueInfo } from '../core/graph.ts';
import { channelAxis, type Role } from './guess-role.ts';

/** The sizes that a model leaves open, by what they mean. */
export interface Sizes {
  readonly height: number;
  readonly width: number;
  /** Audio samples in one run. */
  readonly samples: number;
  /** Tokens, or frames of features. */
  readonly sequence: number;
}

export type OpenSize = keyof Sizes;

/** What vision, audio and text models are commonly made for, the likeliest first. */
const SQUARES = [224, 256, 320, 640, 32, 28, 64, 96, 112, 128, 192, 299, 384, 512];
const TEXT_LINES = [
  [48, 320],
  [32, 320],
  [48, 192],
] as const;
const AUDIO = [16000, 512, 1536, 1280, 480, 48000];
const AUDIO_BY_WINDOWS = [512, 1536, 256, 480, 1280, 16000];
const SEQUENCES = [32, 64, 16, 128, 8, 1];

/** More attempts would only make the user wait for the same refusal. */
const MAX_CANDIDATES = 24;

/** Which of its axes an input leaves open, and what they mean. Batches are one and are not listed. */
export function openSizes(info: ValueInfo, role: Role): ReadonlyMap<number, OpenSize> {
  const shape = info.shape ?? [];
  const open = new Map<number, OpenSize>();
  for (const [axis, dim] of shape.entries()) {
    if (typeof dim === 'number' || isBatch(shape, axis)) continue;
    open.set(axis, meaning(info, role, axis));
  }
  return open;
}

/** Sizes worth trying, the likeliest first. `windows`: the model hears its audio window by window. */
export function sizeCandidates(open: ReadonlySet<OpenSize>, fixedHeight: number | undefined, windows: boolean): Sizes[] {
  const sides = imageSides(open, fixedHeight);
  const samples = open.has('samples') ? (windows ? AUDIO_BY_WINDOWS : AUDIO) : [16000];
  const sequences = open.has('sequence') ? SEQUENCES : [32];
  const all = sequences.flatMap((sequence) =>
    samples.flatMap((count) => sides.map(([height, width]) => ({ height, width, samples: count, sequence }))),
  );
  return all.slice(0, MAX_CANDIDATES);
}

function imageSides(open: ReadonlySet<OpenSize>, fixedHeight: number | undefined): readonly (readonly [number, number])[] {
  if (!open.has('height') && !open.has('width')) return [[224, 224]];
  const squares = SQUARES.map((side) => [side, side] as const);
  // An image of fixed height and free width is a line of text.
  if (fixedHeight !== undefined) return [[fixedHeight, Math.ceil((fixedHeight * 20) / 3 / 32) * 32], ...squares];
  return [...squares, ...TEXT_LINES];
}

function isBatch(shape: readonly unknown[], axis: number): boolean {
  const dim = shape[axis];
  if (axis === 0 && shape.length > 1) return true;
  return typeof dim === 'string' && /batch/i.test(dim);
}

function meaning(info: ValueInfo, role: Role, axis: number): OpenSize {
  if (role === 'audio') return 'samples';
  if (role !== 'image') return 'sequence';
  const [height, width] = channelAxis(info) === 3 ? [1, 2] : [2, 3];
  return axis === height ? 'height' : axis === width ? 'width' : 'sequence';
}
