import { allocateLayers } from './compress/allocate-layers.ts';
import { type Assessor, openAssessor } from './compress/assessor.ts';
import { nameOf } from './compress/explained.ts';
import { type Job, openJob } from './compress/job.ts';
import { type Choices, layOut } from './compress/lay-out.ts';
import { type LayerInputs, observeLayers } from './compress/layer-inputs.ts';
import { type Losses, measureLosses } from './compress/measure-losses.ts';
import { openMeasured } from './compress/measured.ts';
import { openPredictions } from './compress/predictions.ts';
import { openReferee, type Referee } from './compress/referee.ts';
import { unreachedOf, withTypicalLosses } from './compress/unreached.ts';
import type { AskedToSense } from './core/asked.ts';
import { TersorError } from './core/error.ts';
import { select } from './core/rules.ts';
import type { LayerSensitivity, Sensitivity, TriedSteps } from './core/sensitivity.ts';
import type { Numbers } from './io/node-numbers.ts';
import { version } from './io/node-process.ts';
import { keyOf, type Option } from './search/candidates.ts';
import { judgePredictors } from './search/judge-predictors.ts';
import { dataFree, menuFor } from './search/menu.ts';
import { PREDICTORS } from './search/predictors.ts';

/** What all layers together may lose unless told. */
const DEFAULT_LIMIT = { loss: 0.01 };

/**
 * What each layer of a model can bear: every step is tried on every layer alone, and what the model's outputs lose is measured. Beside it, what cheap signs
 * would have said, and how far each of them tells the truth on this model. Nothing is written.
 *
 * @throws {TersorError} FILE_* when the model cannot be read, MODEL_INVALID when the runtime refuses it, DATA_INVALID, RULE_UNMATCHED, METHOD_UNKNOWN,
 *   OPTION_*, INTERRUPTED after `signal` was aborted
 */
export async function sensitivity(input: string, asked: AskedToSense = {}): Promise<Sensitivity> {
  const job = await openJob(input, asked);
  try {
    const referee = await job.clock.time('load', () => openReferee(job));
    try {
      return await sense(job, referee, asked);
    } finally {
      await referee.close();
    }
  } catch (error) {
    if (asked.signal?.aborted) throw new TersorError('INTERRUPTED', input, 'stopped on request', '', { cause: error });
    throw error;
  } finally {
    await job.close();
  }
}

async function sense(job: Job, referee: Referee, { where, steps, limit = DEFAULT_LIMIT }: AskedToSense): Promise<Sensitivity> {
  const { input, target, clock } = job;
  const all = menuFor({ evidence: 'data', target });
  const settings = steps?.map((chain) => [chain]) ?? (referee.evidence === 'data' ? all : dataFree(all));
  const choices = await layOut(job, settings);
  const rows = rowsOf(choices, where);
  const numbers = await openMeasured(job, referee);
  const layersOf = rows.map(([own]) => own!.layer);
  const assessor = await openAssessor(job, referee, numbers, choices.cleaned, layersOf, choices.rounded);
  try {
    const losses = await clock.time('measure', () => measureLosses(job, assessor, rows));
    const predictions = await clock.time('predict', () => predict(job, referee, numbers, choices, rows));
    const unreached = unreachedOf(rows, losses);
    const believed = withTypicalLosses(rows, losses, unreached);
    const allocation = await clock.time('allocate', () => allocateLayers(job, assessor, rows, believed, limit));
    const tried = await withTogether(job, assessor, rows, triedOf(rows, losses));
    const layers = rows.map((row) => layerOf(row, tried, unreached.has(row) ? new Map() : losses, predictions));
    const { evidence, source, samples } = referee.parts.rank;
    return {
      version: version(),
      target,
      input: { path: input.path, format: input.format.id, bytes: input.bytes },
      inputs: { evidence, source, samples: samples.length },
      measure: [...referee.kinds.values()].some(({ kind }) => kind === 'classes') ? 'divergence' : 'lost variance',
      tried: tried.map(({ report }) => report),
      layers,
      predictors: judgePredictors(PREDICTORS, layers),
      ...(allocation && { allocation }),
      complete: rows.flat().every((option) => !option.steps || losses.has(keyOf(option))),
      forwards: referee.forwards(),
      recalled: numbers.recalled,
      notes: [...job.notes.values()],
      seconds: clock.seconds(),
    };
  } finally {
    await numbers.save();
    await assessor.close();
  }
}

/** Numbers of every predictor by `keyOf` an option. */
type Predictions = ReadonlyMap<string, Readonly<Record<string, number>>>;

/** What predictors say, of which some look at what layers multiply by. Where the runtime cannot be made to show it, they say nothing. */
async function predict(
  job: Job,
  referee: Referee,
  numbers: Numbers,
  { cleaned }: Choices,
  rows: readonly (readonly Option[])[],
): Promise<Predictions> {
  let inputs: Promise<LayerInputs | undefined> | undefined;
  const look = () =>
    observeLayers(
      job,
      referee,
      cleaned,
      rows.map(([own]) => own!.layer),
    ).catch((error: unknown) => {
      if (!(error instanceof TersorError) || !['MODEL_INVALID', 'RUN_FAILED'].includes(error.code)) throw error;
      job.note('output-error', `is not known: ${error.what}`);
      return undefined;
    });
  const ask = openPredictions(numbers, job.seed, async (layer) => {
    inputs ??= look();
    return (await inputs)?.weigher(layer);
  });
  const predictions = new Map<string, Readonly<Record<string, number>>>();
  try {
    for (const [done, row] of rows.entries()) {
      job.progress('predict', done, rows.length, row[0]!.layer.weight.id);
      for (const option of row) {
        if (!option.steps) continue;
        job.asked.signal?.throwIfAborted();
        const said: Record<string, number> = {};
        for (const predictor of PREDICTORS) {
          const number = await ask(predictor, option);
          if (Number.isFinite(number)) said[predictor.id] = number;
        }
        predictions.set(keyOf(option), said);
      }
    }
    return predictions;
  } finally {
    await (await inputs?.catch(() => undefined))?.close();
  }
}

/** Layers with a choice that rules select. @throws RULE_UNMATCHED */
function rowsOf({ options }: Choices, where: AskedToSense['where']): Option[][] {
  const open = options.filter((row) => row.length > 1).map((row) => [...row]);
  if (!where) return open;
  const selected = new Set(
    select(
      open.map(([first]) => first!.layer),
      where,
    ),
  );
  return open.filter(([first]) => selected.has(first!.layer));
}

interface Tried {
  readonly steps: NonNullable<Option['steps']>;
  readonly report: TriedSteps;
}

/** From the fewest bits for a weight to the most. */
function triedOf(rows: readonly (readonly Option[])[], losses: Losses): Tried[] {
  const kinds = new Map<Tried['steps'], Option[]>();
  for (const option of rows.flat()) if (option.steps) kinds.set(option.steps, [...(kinds.get(option.steps) ?? []), option]);
  const all = [...kinds].map(([steps, options]) => {
    const bytes = options.reduce((sum, option) => sum + option.bytes, 0);
    const elements = options.reduce((sum, { layer }) => sum + layer.outputs * layer.inputs, 0);
    const found = options.map((option) => losses.get(keyOf(option)));
    const loss = found.reduce<number | undefined>((sum, each) => (sum === undefined || each === undefined ? undefined : sum + each), 0);
    const report: TriedSteps = { steps, name: commonName(options), layers: options.length, bytes, ...(isKnown(loss) && { loss }) };
    return { steps, report, bits: bytes / elements };
  });
  return all.sort((a, b) => a.bits - b.bits);
}

/** The same with what all layers lose at once; those that steps do not make smaller stay as they are. */
async function withTogether(job: Job, { around }: Assessor, rows: readonly (readonly Option[])[], all: readonly Tried[]): Promise<Tried[]> {
  const measured: Tried[] = [];
  for (const tried of all) {
    const chosen = rows.map((row) => row.find(({ steps }) => steps === tried.steps) ?? row[0]!);
    const together = job.asked.enough?.aborted ? undefined : (await around(chosen)).error;
    measured.push({ ...tried, report: { ...tried.report, ...(isKnown(together) && { together }) } });
  }
  return measured;
}

/** What most of the weights become. */
function commonName(options: readonly Option[]): string {
  const counts = new Map<string, number>();
  for (const option of options) counts.set(nameOf(option), (counts.get(nameOf(option)) ?? 0) + 1);
  return [...counts].reduce((most, next) => (next[1] > most[1] ? next : most))[0];
}

function layerOf(row: readonly Option[], tried: readonly Tried[], losses: Losses, predictions: Predictions): LayerSensitivity {
  const { layer, bytes } = row[0]!;
  return {
    id: layer.weight.id,
    shape: layer.weight.shape,
    kind: layer.kind,
    bytes,
    candidates: tried.flatMap(({ steps }, index) => {
      const option = row.find((each) => each.steps === steps);
      if (!option) return [];
      const loss = losses.get(keyOf(option));
      return [{ tried: index, bytes: option.bytes, ...(isKnown(loss) && { loss }), predicted: predictions.get(keyOf(option)) ?? {} }];
    }),
  };
}

function isKnown(loss: number | undefined): loss is number {
  return loss !== undefined && Number.isFinite(loss);
}
