import type { Budget } from '../core/budget.ts';
import { findLayers } from '../core/find-layers.ts';
import type { Size } from '../core/format.ts';
import type { WeightId } from '../core/graph.ts';
import type { Model } from '../core/model.ts';
import type { ConditionsReport, Report } from '../core/report.ts';
import { peakMemory, version } from '../io/node-process.ts';
import type { Job } from './job.ts';
import { paretoFront } from './pareto-front.ts';
import type { FileFacts } from './weigh.ts';
import { weightsReport } from './weights-report.ts';

type Result = Pick<Report, 'outcome' | 'recipe' | 'quality' | 'speed' | 'runtimes' | 'promises' | 'divergence' | 'repairs'> & {
  /** Peak of the engine's process, bytes. */
  readonly memory?: number;
  readonly model: Model;
  readonly size: Size;
  /** What the result takes, where that is not the size: packed. */
  readonly bytes?: number;
  /** See `WeightReport.error`; absent when nothing was computed. */
  readonly errors?: ReadonlyMap<WeightId, number>;
  /** What was promised; absent when nothing was. */
  readonly budget?: Budget;
  /** Absent when nobody asked. */
  readonly facts?: FileFacts;
  /** Where the result is; absent when nothing was left behind. */
  readonly output?: string;
  /** See `openQuestion`: the first that is said. */
  readonly open?: string;
};

export async function makeReport(
  job: Job,
  {
    model,
    size,
    bytes = size.bytes,
    errors = new Map(),
    output,
    open,
    outcome,
    recipe,
    quality,
    speed,
    memory,
    runtimes,
    promises,
    budget = {},
    facts,
    divergence,
    repairs = [],
  }: Result,
): Promise<Report> {
  const { input, target, clock, notes } = job;
  const reasons = job.reasons.get(JSON.stringify(recipe.steps));
  const before = { model: input.model, size: await input.format.size(input.model, target) };
  return {
    version: version(),
    target,
    input: { path: input.path, format: input.format.id, bytes: input.bytes },
    ...(output !== undefined && {
      output: { path: output, format: job.packs ? 'tsr' : input.format.id, bytes, ...(facts && { sha256: facts.sha256 }) },
    }),
    resultBytes: bytes,
    outcome,
    recipe,
    weights: weightsReport(before, { model, size }, { before: await findLayers(input.model), after: await findLayers(model) }, errors),
    ...(quality && { quality }),
    ...(speed && { speed }),
    memory: { process: peakMemory(), ...(memory !== undefined && { engine: memory }) },
    runtimes,
    promises,
    ...(divergence && { divergence }),
    ...(repairs.length > 0 && { repairs }),
    skipped: [...(open === undefined ? [] : [{ about: 'drop', message: open }]), ...notes.values()],
    seconds: clock.seconds(),
    conditions: conditionsOf(job, budget),
    ...(facts && { transfer: facts.transfer }),
    ...(job.searched && { search: { ...job.searched, ...(reasons && { choices: reasons }) } }),
    ...(job.calibrated && { calibration: job.calibrated }),
    ...(job.measured.length > 0 && { front: paretoFront(withResult(job.measured, bytes, quality), bytes) }),
  };
}

/** What the search measured, and the result where it was found without: in a hurry, or mended after the proof. */
function withResult(measured: Job['measured'], bytes: number, quality: Result['quality']): Job['measured'] {
  return !quality || measured.some((point) => point.bytes === bytes) ? measured : [...measured, { bytes, drop: quality.drop }];
}

function conditionsOf({ asked, seed }: Job, budget: Budget): ConditionsReport {
  const { data, preprocess, samples, outputs, eval: module, browser } = asked;
  return {
    seed,
    budget,
    ...(typeof data === 'string' && { data }),
    ...(preprocess !== undefined && { preprocess }),
    ...(samples !== undefined && { samples }),
    ...(outputs && { outputs }),
    ...(module !== undefined && { eval: module }),
    ...(browser && { browser: true }),
  };
}
