import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { distanceOf } from '../../packages/tersor/src/compress/assessor.ts';
import { type Job, openJob } from '../../packages/tersor/src/compress/job.ts';
import { CLEAN } from '../../packages/tersor/src/compress/lay-out.ts';
import { openTemporarily } from '../../packages/tersor/src/compress/open-temporarily.ts';
import { openReferee, type Referee } from '../../packages/tersor/src/compress/referee.ts';
import { findLayers } from '../../packages/tersor/src/core/find-layers.ts';
import type { Step } from '../../packages/tersor/src/core/recipe.ts';
import { benchModels } from '../models.ts';
import { askedOf } from '../tasks/asked-of.ts';

/** What moving scales, or correcting biases, does for steps that round, on the half of the data that no step saw. */
export interface MigrationRow {
  readonly model: string;
  /** What goes before the rounding, or behind it. */
  readonly steps: string;
  /** How far outputs of the model move by these steps alone: it is to compute the same. */
  readonly exact: number;
  /** The rounding, and how far outputs move by it, without and with the steps. */
  readonly rounding: string;
  readonly plain: number;
  readonly loss: number;
  /** Layers whose weights change by the steps, of all but embeddings. */
  readonly changed: number;
  readonly layers: number;
}

const MODELS = ['minilm', 'ocr-rec', 'mobilenet-v2', 'silero-v5', 'lm', 'efficientnet-lite0'];
/** As many as a model of this size takes minutes for. */
const SAMPLES = 48;

const FOUR = { bits: 4, block: 32, symmetric: false } as const;
const TWO = { bits: 2, block: 16, symmetric: false } as const;

/** What goes before or behind, and the roundings that it is for. */
const TRIED: readonly { readonly steps: readonly Step[]; readonly roundings: readonly Step[]; readonly isBehind?: true }[] = [
  {
    steps: [{ use: 'equalize', clip: true }],
    roundings: [
      { use: 'rtn', bits: 8, block: 'row' },
      { use: 'rtn', bits: 4, block: 'row' },
    ],
  },
  {
    steps: [{ use: 'awq', ...FOUR, insert: true }],
    roundings: [
      { use: 'rtn', ...FOUR },
      { use: 'gptq', ...FOUR },
    ],
  },
  {
    steps: [{ use: 'awq', ...TWO, insert: true }],
    roundings: [
      { use: 'rtn', ...TWO },
      { use: 'gptq', ...TWO },
    ],
  },
  { steps: [{ use: 'rotate' }], roundings: [{ use: 'rtn', ...FOUR }, { use: 'rtn', ...TWO }, { use: 'dynamic-int8' }] },
  { steps: [{ use: 'rotate', borders: 2 }], roundings: [{ use: 'rtn', ...FOUR }, { use: 'rtn', ...TWO }, { use: 'dynamic-int8' }] },
  { steps: [{ use: 'smooth', insert: true }], roundings: [{ use: 'dynamic-int8' }] },
  {
    steps: [{ use: 'correct-bias' }],
    roundings: [
      { use: 'rtn', bits: 8, block: 'row' },
      { use: 'rtn', bits: 4, block: 'row' },
      { use: 'rtn', ...FOUR },
      { use: 'gptq', ...FOUR },
    ],
    isBehind: true,
  },
];

/** @param only  a model's name @param method  what goes before or behind */
export async function* migrationRows(only?: string, method?: string): AsyncGenerator<MigrationRow> {
  for (const { name, path, task } of benchModels()) {
    if (!task || !MODELS.includes(name) || (only !== undefined && only !== name)) continue;
    const folder = mkdtempSync(join(tmpdir(), 'tersor-migrations-'));
    const job = await openJob(path, { ...askedOf(await task.choose(folder)), samples: SAMPLES });
    const referee = await openReferee(job);
    job.runner = referee.runner('observe');
    const plain = new Map<string, number>();
    try {
      for (const { steps, roundings, isBehind } of TRIED.filter((tried) => method === undefined || tried.steps[0]?.use === method)) {
        const exact = await lossOf(job, referee, steps);
        for (const rounding of roundings) {
          const key = textOf([rounding]);
          const alone = plain.get(key) ?? (await lossOf(job, referee, [rounding])).loss;
          plain.set(key, alone);
          const { loss } = await lossOf(job, referee, isBehind ? [rounding, ...steps] : [...steps, rounding]);
          yield {
            model: name,
            steps: textOf(steps),
            exact: exact.loss,
            rounding: key,
            plain: alone,
            loss,
            changed: exact.changed,
            layers: exact.layers,
          };
        }
      }
    } finally {
      await referee.close();
      await job.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

async function lossOf(job: Job, referee: Referee, steps: readonly Step[]) {
  const cleaned = await job.apply(job.input.model, [CLEAN]);
  const model = await job.apply(cleaned, steps);
  const layers = (await findLayers(cleaned)).filter(({ kind }) => kind !== 'embedding');
  const around = { format: job.input.format, target: job.target, kernels: job.kernels };
  const { session, close } = await openTemporarily(referee.engine, model, around);
  try {
    const loss = distanceOf(await referee.compare(session, 'prove'));
    const changed = layers.filter(({ weight }) => model.weights.get(weight.id) !== weight);
    return { loss, layers: layers.length, changed: changed.length };
  } finally {
    await close();
  }
}

function textOf(steps: readonly Step[]): string {
  return steps
    .map(({ use, ...options }) => {
      const pairs = Object.entries(options).map(([name, value]) => `${name}=${value}`);
      return pairs.length > 0 ? `${use}:${pairs.join()}` : use;
    })
    .join('+');
}
