import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InferenceSession, Tensor } from 'onnxruntime-node';

/** What a model is for, as a score on real data. Tasks need the fixtures folder (see docs/benches.md); without it they are skipped. */
export interface Task {
  readonly id: string;
  /** Scores of the model at `path`; where `reference` is given, agreement with it, too. */
  score(path: string, reference?: string): Promise<Record<string, number>>;
}

export type Tensors = Record<string, Tensor>;

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

export async function openSession(path: string): Promise<InferenceSession> {
  const { InferenceSession } = await import('onnxruntime-node');
  return InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
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
