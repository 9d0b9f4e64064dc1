import { alreadyQuantized } from '../core/already-quantized.ts';
import type { Asked } from '../core/asked.ts';
import type { Choice } from '../core/choice.ts';
import type { Target } from '../core/format.ts';
import type { Kernels } from '../core/kernels.ts';
import { openMemo } from '../core/memo.ts';
import type { Model } from '../core/model.ts';
import type { Phase } from '../core/progress.ts';
import type { Step } from '../core/recipe.ts';
import type { CalibrationReport, SearchReport } from '../core/report.ts';
import { isPacked } from '../io/node-paths.ts';
import { openKernels } from '../kernels/open-kernels.ts';
import { applySteps } from './apply.ts';
import { type Opened, openModel } from './open-model.ts';
import type { Runner } from './runner.ts';
import { type Stopwatch, startStopwatch } from './stopwatch.ts';
import type { WeightErrors } from './weight-errors.ts';

/** Of what methods compute and ask for again. */
const MOST_REMEMBERED_BYTES = 256e6;

/** What lasts from the beginning of a job to its end. */
export interface Job {
  readonly asked: Asked;
  readonly target: Target;
  /** The result is written as a `.tsr`: its bytes are those of the container, and what is run is the file inside it. */
  readonly packs: boolean;
  readonly seed: number;
  readonly input: Opened;
  readonly kernels: Kernels;
  readonly clock: Stopwatch;
  /** What was left alone, and why; each only once, however often a step is tried. */
  readonly notes: ReadonlyMap<string, { readonly about: string; readonly message: string }>;
  /** What the search measured as a whole, in order. */
  readonly measured: { readonly bytes: number; readonly drop: number }[];
  /** What methods see activations with; set when the original runs. */
  runner?: Runner;
  /** What the search took; set when it ends. */
  searched?: Omit<SearchReport, 'choices'>;
  /** Why recipes of the search are what they are, by their steps as JSON. */
  readonly reasons: Map<string, readonly Choice[]>;
  /** How much depends on what the steps see; set when that was asked for and measured. */
  calibrated?: CalibrationReport;
  note(about: string, message: string): void;
  progress(phase: Phase, done?: number, total?: number, about?: string): void;
  /** The input's model after `steps`, unloaded. Silent steps leave no notes: they are only tried. `errors` is told of what they change. */
  apply(model: Model, steps: readonly Step[], silent?: boolean, errors?: WeightErrors): Promise<Model>;
  close(): Promise<void>;
}

/** @throws FILE_MISSING, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED, INTERRUPTED */
export async function openJob(path: string, asked: Asked): Promise<Job> {
  const clock = startStopwatch();
  asked.onProgress?.({ phase: 'read', done: 0, total: 0 });
  const input = await clock.time('read', () => openModel(path));
  const kernels = await openKernels({ ...(asked.threads !== undefined && { threads: asked.threads }) });
  const notes = new Map<string, { about: string; message: string }>();
  const note = (about: string, message: string) => void notes.set(`${about}: ${message}`, { about, message });
  const quantized = alreadyQuantized((await input.format.lift(input.model)).model);
  if (quantized.length > 0) note('quantized already', `${quantized.length} weights stay as they are: ${listed(quantized)}`);
  const seed = asked.seed ?? asked.recipe?.seed ?? 0;
  const memo = openMemo(MOST_REMEMBERED_BYTES);
  const job: Job = {
    asked,
    target: asked.target ?? asked.recipe?.target ?? 'node',
    packs: isPacked(asked.output ?? ''),
    seed,
    input,
    kernels,
    clock,
    notes,
    measured: [],
    reasons: new Map(),
    note,
    progress: (phase, done = 0, total = 0, about) => asked.onProgress?.({ phase, done, total, ...(about !== undefined && { about }) }),
    apply: (model, steps, silent = false, errors) =>
      applySteps(model, steps, {
        kernels,
        memo,
        seed,
        note: silent ? () => {} : note,
        ...(!silent && { progress: (done, total, about) => job.progress('read', done, total, about) }),
        ...(asked.signal && { signal: asked.signal }),
        ...(errors && { watch: errors.watch }),
        ...(job.runner && { runner: job.runner }),
      }),
    async close() {
      await kernels.close();
      await input.close();
    },
  };
  return job;
}

function listed(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')}, ...`;
}
