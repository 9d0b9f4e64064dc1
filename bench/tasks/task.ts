import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { randomFor } from '../../packages/tersor/src/core/random.ts';

export type Scores = Readonly<Record<string, number>>;
export type Tensors = Record<string, Tensor>;
export type Half = 'choose' | 'prove';

/**
 * What a model is for, as scores on real data. The data are halved once and for all: one half is for choosing, by whatever tool; scores come from
 * the other one alone. Tasks need the fixtures folder (see docs/benches.md); without it they are skipped.
 */
export interface Task {
  readonly id: string;
  /** Scores of the model at `path` on the proving half, and how far it agrees with the one at `reference`. */
  score(path: string, reference: string): Promise<Scores>;
  /** What part of the task's own measure is lost: 0.01 is one percent. */
  loss(before: Scores, after: Scores): number;
  /**
   * Writes the choosing half into an empty folder.
   * @param count  of what is chosen by, where there is more than the task takes
   * @returns the flags that hand it to tersor
   */
  choose(folder: string, count?: number): readonly string[] | Promise<readonly string[]>;
  /** Some inputs of a half, one sample each. */
  inputs(half: Half, count: number): Tensors[] | Promise<Tensors[]>;
  /** Inputs to time on, from the quickest to the slowest; of their ratios the worst counts. */
  timing(): Tensors[];
}

/** The folder of fixtures, or undefined where there is none. `TERSOR_FIXTURES` names another one. */
export function fixtures(): string | undefined {
  const folder = process.env.TERSOR_FIXTURES ?? fileURLToPath(new URL('../../../shared/fixtures', import.meta.url));
  return existsSync(join(folder, 'data')) ? folder : undefined;
}

/** A path inside the fixtures. @throws where there are none */
export function fixture(...parts: string[]): string {
  const folder = fixtures();
  if (!folder) throw new Error('the fixtures folder is missing: set TERSOR_FIXTURES');
  return join(folder, ...parts);
}

/** Half of the items by lot, in their own order. Nothing is in both halves. */
export function halfOf<T>(items: readonly T[], half: Half): T[] {
  const random = randomFor(0, 'halves of a task');
  const lots = items.map((_, index) => ({ index, lot: random() })).sort((a, b) => a.lot - b.lot);
  const first = new Set(lots.slice(0, Math.floor(items.length / 2)).map(({ index }) => index));
  return items.filter((_, index) => first.has(index) === (half === 'choose'));
}

export async function openSession(path: string): Promise<InferenceSession> {
  const { InferenceSession } = await import('onnxruntime-node');
  return InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
}

/** What `make` gives for a path, made once: the original is compared with every file. */
export function once<T>(make: (path: string) => Promise<T>): (path: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (path) => {
    const made = known.get(path) ?? make(path);
    known.set(path, made);
    return made;
  };
}

/** The only output of a session, or the one called `name`. */
export function floats(outputs: Tensors, name = Object.keys(outputs)[0] ?? ''): { data: Float32Array; dims: readonly number[] } {
  const tensor = outputs[name];
  if (!(tensor?.data instanceof Float32Array)) throw new Error(`output "${name}" has no floats`);
  return { data: tensor.data, dims: tensor.dims };
}

export function argmax(values: Float32Array, from = 0, to = values.length): number {
  let best = from;
  for (let i = from + 1; i < to; i++) if (values[i]! > values[best]!) best = i;
  return best - from;
}

export function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}

/** What part of a score is lost where more is better. */
export function lost(before: Scores, after: Scores, key: string): number {
  return 1 - at(after, key) / at(before, key);
}

/** What is added to a score where less is better. */
export function added(before: Scores, after: Scores, key: string): number {
  return at(after, key) / at(before, key) - 1;
}

export function at(scores: Scores, key: string): number {
  return scores[key] ?? Number.NaN;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** KL(p || q) in nats, from logits. */
export function divergence(p: Float32Array, q: Float32Array): number {
  const [a, b] = [logSoftmax(p), logSoftmax(q)];
  return a.reduce((sum, value, i) => sum + Math.exp(value) * (value - b[i]!), 0);
}

function logSoftmax(logits: Float32Array): Float64Array {
  const peak = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const log = peak + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - peak), 0));
  return Float64Array.from(logits, (value) => value - log);
}
