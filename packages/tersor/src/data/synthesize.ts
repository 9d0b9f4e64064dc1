import { elementsOf } from '../core/dtype.ts';
import type { Feeds, Value } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import type { Model } from '../core/model.ts';
import { type Random, randomFor } from '../core/random.ts';
import type { Sample } from '../core/samples.ts';
import type { StateLink } from '../core/state-links.ts';
import { slowFeatures, smoothImage, soundscape } from './fill.ts';
import { hasGrowingState, isCacheSwitch, type Window, windowsOf } from './growing-state.ts';
import { channelAxis, guessRole, isHearing, type Role } from './guess-role.ts';
import { type OpenSize, openSizes, type Sizes } from './sizes.ts';
import { withInitialState } from './to-feeds.ts';
import { describe, toValue } from './to-value.ts';
import { vocabularyOf } from './vocabulary.ts';

const RATE = 16000;

/** Where nothing says how many there are: small enough for any vocabulary. */
const UNKNOWN_VOCABULARY = 100;

/** A larger input is a mistake in the file, or needs real data anyway. */
const MAX_ELEMENTS = 2 ** 26;

/** Steps of a made-up sequence. */
const STEPS = 8;

/** Tokens after a made-up prompt. */
const SINGLES = 3;

/** An input with what it is taken for. */
export interface Guess {
  readonly info: ValueInfo;
  readonly role: Role;
  readonly open: ReadonlyMap<number, OpenSize>;
  readonly vocabulary?: number;
}

/** Guesses for all inputs that are not state. */
export function guessInputs(inputs: readonly ValueInfo[], links: readonly StateLink[], model: Model | undefined): Guess[] {
  const hearing = isHearing(inputs);
  const state = new Set(links.map(({ input }) => input));
  return inputs.flatMap((info) => {
    if (state.has(info.name)) return [];
    const vocabulary = model && vocabularyOf(model, info.name);
    const role = guessRole(info, { vocabulary, hearing });
    return [{ info, role, open: openSizes(info, role), ...(vocabulary !== undefined && { vocabulary }) }];
  });
}

/** "x: f32 [N, 3, ?, ?] taken for an image", for the report. */
export function explainGuess({ info, role, vocabulary }: Guess): string {
  const words: Readonly<Record<Role, string>> = {
    tokens: `token ids below ${vocabulary ?? UNKNOWN_VOCABULARY}`,
    mask: 'a mask of ones',
    segments: 'segment ids (zeros)',
    positions: 'positions',
    rate: `a sample rate (${RATE})`,
    switch: 'a setting (constant)',
    image: 'an image (smooth fields, edges and digits; mean 0, deviation about 1)',
    audio: 'audio (tones, voice and noise in [-1, 1])',
    features: 'features (normally distributed, slow along time)',
    text: 'text',
  };
  return `${info.name}: ${describe(info)} taken for ${words[role]}`;
}

export interface Making {
  readonly sizes: Sizes;
  readonly count: number;
  readonly seed: number;
  /** Sequences have different lengths, too. */
  readonly vary?: boolean;
  /** Features are multiplied by it. */
  readonly gain?: number;
  /** A prompt and some tokens after it, for models whose state grows; else the prompt alone. */
  readonly decode?: boolean;
}

/** Made-up samples of the given sizes, every one different. @throws DATA_INVALID for inputs of absurd size */
export function synthesize(
  guesses: readonly Guess[],
  wanted: { readonly inputs: readonly ValueInfo[]; readonly links: readonly StateLink[] },
  { sizes, count, seed, vary = false, gain = 1, decode = false }: Making,
): Sample[] {
  const grows = hasGrowingState(wanted);
  const fixedSteps = wanted.links.length === 0 || grows ? 1 : STEPS;
  return Array.from({ length: count }, (_, index) => {
    const random = randomFor(seed, `sample ${index}`);
    const sequence = vary ? lengthOf(sizes.sequence, random) : sizes.sequence;
    const windows = grows && decode ? windowsOf(sequence + SINGLES, SINGLES) : undefined;
    const steps = windows?.length ?? fixedSteps;
    const makers = guesses.map(
      (guess) => [guess.info.name, maker(guess, { ...sizes, sequence }, { steps, gain, windows }, random)] as const,
    );
    const runs = Array.from({ length: steps }, (_, step): Feeds => Object.fromEntries(makers.map(([name, make]) => [name, make(step)])));
    return { id: `synthetic[${index}]`, steps: runs.map((run, step) => (step === 0 ? withInitialState(run, wanted) : run)) };
  });
}

/** A quarter of the usual length up to twice, so that short and long inputs both count. */
function lengthOf(usual: number, random: Random): number {
  return Math.max(1, Math.round(usual * (0.25 + 1.75 * random())));
}

type Make = (step: number) => Value;

interface Sequence {
  readonly steps: number;
  readonly gain: number;
  /** Of a decoder whose state grows, what each step adds. */
  readonly windows: readonly Window[] | undefined;
}

function maker(guess: Guess, sizes: Sizes, { steps, gain, windows }: Sequence, random: Random): Make {
  const { info, role, vocabulary } = guess;
  const windowAt = (step: number): Window => windows?.[step] ?? { before: 0, added: sizes.sequence };
  const shapeAt = (step: number) => shapeOf(guess, { ...sizes, sequence: lengthAt(info.name, role, windowAt(step), windowAt(0)) });
  const whole = elementsOf(shapeAt(0));
  if (whole > MAX_ELEMENTS) {
    throw new TersorError('DATA_INVALID', info.name, `${describe(info)} is too large to be made up`, 'give it real inputs with --data');
  }
  const value = (data: Float32Array | readonly number[], shape: readonly number[]): Value => toValue({ data, shape }, info, 'synthetic');
  const each =
    (next: (index: number, last: number, window: Window) => number): Make =>
    (step) => {
      const shape = shapeAt(step);
      return value(
        Array.from({ length: elementsOf(shape) }, (_, index) => next(index, shape.at(-1) ?? 1, windowAt(step))),
        shape,
      );
    };
  const isFilled = (index: number, last: number) =>
    guess.open.size > 0 || index % last < Math.max(1, Math.round((last * sizes.sequence) / 64));
  switch (role) {
    case 'text':
      return () => ({
        dtype: 'string',
        shape: shapeAt(0),
        data: Array.from({ length: whole }, () => `sample ${Math.floor(random() * 1e6)}`),
      });
    case 'rate':
      return each(() => RATE);
    case 'mask':
      return each((index, last) => (isFilled(index, last) ? 1 : 0));
    case 'segments':
      return each(() => 0);
    case 'positions':
      return each((index, last, { before }) => before + (index % last));
    case 'switch':
      return each((_, __, { before }) =>
        isCacheSwitch(info.name) ? Number(before > 0) : info.dtype === 'bool' && !/branch/.test(info.name) ? 1 : 0,
      );
    case 'tokens':
      return each((index, last) => (isFilled(index, last) ? tokenBelow(vocabulary ?? UNKNOWN_VOCABULARY, random) : 0));
    case 'image':
      return () => value(toScale(info, orderColours(info, shapeAt(0), random)), shapeAt(0));
    case 'audio': {
      const sound = soundscape(whole * steps, RATE, random);
      return (step) => value(toScale(info, sound.subarray(step * whole, (step + 1) * whole)), shapeAt(0));
    }
    case 'features':
      return (step) => {
        const shape = shapeAt(step);
        const features = slowFeatures(shape, timeAxis(guess, shape.length), random);
        return value(
          toScale(
            info,
            features.map((feature) => gain * feature),
          ),
          shape,
        );
      };
  }
}

/** The shape of an input when its open sizes are those. */
export function shapeOf({ info, open }: Guess, sizes: Sizes): number[] {
  return (info.shape ?? []).map((dim, axis) => {
    const size = open.get(axis);
    return typeof dim === 'number' ? dim : size ? sizes[size] : 1;
  });
}

/** How many tokens an input is about at a step: masks are about all so far, what an encoder gave stays as it was. */
function lengthAt(name: string, role: Role, { before, added }: Window, first: Window): number {
  if (/^encoder_/.test(name)) return first.added;
  return role === 'mask' ? before + added : added;
}

/** Where time runs in features: along the open size, or where most exporters put it. */
function timeAxis({ open }: Guess, rank: number): number | undefined {
  const [axis] = open.keys();
  return axis ?? (rank > 2 ? rank - 2 : undefined);
}

/** The lowest ids of common vocabularies are special or unused. */
function tokenBelow(rows: number, random: Random): number {
  const lowest = Math.floor(rows / 30);
  return lowest + Math.floor(random() * (rows - lowest));
}

function orderColours(info: ValueInfo, shape: readonly number[], random: Random): Float32Array {
  const last = channelAxis(info) === 3;
  const [batch = 1, a = 1, b = 1, c = 1] = shape;
  const [channels, height, width] = last ? [c, a, b] : [a, b, c];
  const result = new Float32Array(batch * channels * height * width);
  for (let n = 0; n < batch; n++) {
    const image = smoothImage(channels, height, width, random);
    const into = result.subarray(n * image.length, (n + 1) * image.length);
    if (!last) into.set(image);
    else for (let i = 0; i < image.length; i++) into[(i % (height * width)) * channels + Math.floor(i / (height * width))] = image[i]!;
  }
  return result;
}

/** Integer inputs take what a decoder gives: bytes around the middle, or 16-bit sound. */
function toScale({ dtype }: ValueInfo, values: Float32Array): Float32Array {
  if (dtype === 'u8') return values.map((value) => Math.max(0, Math.min(255, Math.round(128 + 50 * value))));
  if (dtype === 'i16') return values.map((value) => Math.max(-32768, Math.min(32767, Math.round(value * 32767))));
  if (dtype === 'i8') return values.map((value) => Math.max(-128, Math.min(127, Math.round(50 * value))));
  return values;
}
