import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compress } from '../../packages/tersor/src/compress.ts';
import type { DeviceProfile } from '../../packages/tersor/src/core/device.ts';
import type { Engine, Feeds, Session } from '../../packages/tersor/src/core/engine.ts';
import type { Step } from '../../packages/tersor/src/core/recipe.ts';
import type { AskedShapes } from '../../packages/tersor/src/cost/bind-shapes.ts';
import { cost } from '../../packages/tersor/src/cost.ts';
import { openEngine } from '../../packages/tersor/src/engine/engine-node.ts';
import { measureDevice } from '../../packages/tersor/src/measure-device.ts';
import { benchModels } from '../models.ts';

export interface LatencyRow {
  readonly variant: string;
  readonly model: string;
  /** Milliseconds. */
  readonly predicted: number;
  readonly measured: number;
}

/** Sizes, batches and precisions of models of every kind. */
const VARIANTS: readonly (readonly [model: string, shapes: AskedShapes, step?: Step])[] = [
  ...[16, 64, 128].map((length) => ['minilm', { input_ids: [1, length] }] as const),
  ['minilm', { input_ids: [4, 32] }],
  ...[16, 64].map((length) => ['minilm', { input_ids: [1, length] }, { use: 'dynamic-int8' }] as const),
  ...[16, 64].map((length) => ['minilm', { input_ids: [1, length] }, { use: 'rtn', bits: 4, execution: 'weight-only' }] as const),
  ...[32, 128].map((length) => ['lm', { input_ids: [1, length] }] as const),
  ...[1, 2, 4].map((batch) => ['mobilenet-v2', { input: [batch, 3, 224, 224] }] as const),
  ...[1, 3].map((batch) => ['efficientnet-lite0', { input: [batch, 3, 224, 224] }] as const),
  ...[160, 320].map((width) => ['ocr-rec', { x: [1, 3, 48, width] }] as const),
  ...[160, 320].map((side) => ['ocr-det', { x: [1, 3, side, side] }] as const),
  ['ocr-cls', { x: [1, 3, 48, 192] }],
  ['wake-embedding', { input_1: [1, 76, 32, 1] }],
  ['wake-melspectrogram', { input: [1, 16000] }],
  ['deepfilternet-enc', { feat_erb: [1, 1, 32, 32], feat_spec: [1, 2, 32, 96] }],
  ...[1, 32].map((batch) => ['lenet-5', { input: [batch, 1, 28, 28] }] as const),
  ...[1, 64].map((batch) => ['lenet-300', { input: [batch, 1, 28, 28] }] as const),
];

const PASSES = 6;
/** Of one variant in one pass. */
const PASS_MS = 150;

/** A profile of this machine, and all variants predicted on it and measured: in turns, on one thread, the quickest of many rounds. */
export async function latencyRows(): Promise<{ readonly profile: DeviceProfile; readonly rows: readonly LatencyRow[] }> {
  const profile = await measureDevice();
  const paths = new Map(benchModels().map(({ name, path }) => [name, path]));
  const folder = mkdtempSync(join(tmpdir(), 'tersor-search-'));
  const engine = await openEngine();
  try {
    const variants: (Omit<LatencyRow, 'measured'> & { readonly session: Session; readonly feeds: Feeds; best: number })[] = [];
    for (const [model, shapes, step] of VARIANTS) {
      const original = paths.get(model);
      if (original === undefined) continue;
      const path = step ? await changed(original, step, folder) : original;
      const { latency, inputs } = await cost(path, { shapes, device: profile });
      const session = await engine.open({ path });
      const sizes = inputs[0]?.shape.join('x');
      const variant = `${model} ${sizes}${step ? ` ${step.use}` : ''}`;
      variants.push({
        variant,
        model,
        predicted: latency?.ms ?? 0,
        session,
        feeds: feedsFor(session, inputs),
        best: Number.POSITIVE_INFINITY,
      });
    }
    for (let pass = 0; pass < PASSES; pass++) {
      for (const each of variants) each.best = Math.min(each.best, await quickest(engine, each.session, each.feeds));
    }
    return { profile, rows: variants.map(({ variant, model, predicted, best }) => ({ variant, model, predicted, measured: best })) };
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function changed(path: string, step: Step, folder: string): Promise<string> {
  const output = join(folder, `${step.use}.onnx`);
  await compress(path, { output, recipe: { version: 1, steps: [step] }, verify: false, force: true });
  return output;
}

async function quickest(engine: Engine, session: Session, feeds: Feeds): Promise<number> {
  const [[first = 1] = []] = await engine.race([session], feeds, { rounds: 1, warmup: 1 });
  const rounds = Math.round(Math.min(200, Math.max(3, PASS_MS / first)));
  const [times = []] = await engine.race([session], feeds, { rounds, warmup: 0 });
  return Math.min(...times);
}

function feedsFor(session: Session, inputs: Awaited<ReturnType<typeof cost>>['inputs']): Feeds {
  return Object.fromEntries(
    inputs.map(({ name, shape }) => {
      const size = shape.reduce((product, length) => product * length, 1);
      const isInteger = session.inputs.find((input) => input.name === name)?.dtype === 'i64';
      if (isInteger) return [name, { dtype: 'i64' as const, shape, data: new BigInt64Array(size).fill(1n) }];
      return [name, { dtype: 'f32' as const, shape, data: Float32Array.from({ length: size }, (_, i) => Math.sin(i)) }];
    }),
  );
}

/** Kendall's tau over all pairs, over pairs that differ by less than 3x, and over pairs of one model's variants. */
export function summarize(rows: readonly LatencyRow[]) {
  const pairs = rows.flatMap((a, i) => rows.slice(i + 1).map((b) => [a, b] as const));
  const isClose = ([a, b]: readonly [LatencyRow, LatencyRow]) => Math.max(a.measured / b.measured, b.measured / a.measured) < 3;
  const factors = rows.map(({ predicted, measured }) => predicted / measured).sort((a, b) => a - b);
  return {
    variants: rows.length,
    tau: tau(pairs),
    tauWithin3x: tau(pairs.filter(isClose)),
    tauWithinModels: tau(pairs.filter(([a, b]) => a.model === b.model)),
    medianFactor: factors[Math.floor(factors.length / 2)] ?? Number.NaN,
    factors: [factors[0], factors.at(-1)],
  };
}

/** Pairs in the same order less pairs in the other, as a share. Source: Kendall 1938, https://doi.org/10.1093/biomet/30.1-2.81 */
function tau(pairs: readonly (readonly [LatencyRow, LatencyRow])[]): number {
  const agreement = pairs.map(([a, b]) => Math.sign(a.predicted - b.predicted) * Math.sign(a.measured - b.measured));
  return agreement.reduce((sum, sign) => sum + sign, 0) / Math.max(1, pairs.length);
}
