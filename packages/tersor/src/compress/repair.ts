import type { Budget } from '../core/asked.ts';
import { TersorError } from '../core/error.ts';
import { findLayers } from '../core/find-layers.ts';
import { withUniqueNames } from '../core/graph-edit/names.ts';
import { type Model, withGraph } from '../core/model.ts';
import { ofValue, type Range, type ValueId } from '../core/observation.ts';
import { withBoundedMasks } from '../core/precision/half-precision.ts';
import { halvesOf, isTooLarge, nodesAround } from '../core/precision/overflow.ts';
import type { Step } from '../core/recipe.ts';
import { relativeError } from '../core/relative-error.ts';
import type { DivergenceReport, RepairReport } from '../core/report.ts';
import { select } from '../core/rules.ts';
import type { Scratch } from '../io/node-scratch.ts';
import { type Lineage, lineageOf } from '../observe/lineage.ts';
import { type Attempt, attempt } from './attempt.ts';
import type { Job } from './job.ts';
import { openModel } from './open-model.ts';
import { isFar } from './prove.ts';
import { recipeOf } from './recipe-in-file.ts';
import type { Referee } from './referee.ts';

/** More places than this are no oversight: the recipe does not suit the model. */
const MAX_REPAIRS = 4;

/** Errors of inputs that do not average out make a product's error larger than its weight's. */
const MOST_OF_ROUNDING = 2;

/** Steps, and what was changed in them. */
interface Repaired {
  readonly steps: readonly Step[];
  readonly repairs: readonly RepairReport[];
}

/**
 * An attempt whose steps are mended where they would break the model: before it is written where activations would pass what a half holds, and
 * afterwards where an output is worthless and the operator that makes it so is found. What is mended is in the recipe that the attempt has.
 */
export async function attemptRepaired(
  job: Job,
  scratch: Scratch,
  asked: readonly Step[],
  budget: Budget,
  referee: Referee | undefined,
): Promise<Attempt & { readonly repairs: readonly RepairReport[] }> {
  let { steps, repairs } = referee ? await preventOverflow(job, referee, recipeOf(job, asked).steps) : { steps: asked, repairs: [] };
  for (let round = 0; ; round++) {
    const result = await attempt(job, scratch, steps, budget, referee);
    const isWrong = result.quality !== undefined && isFar(result.quality, budget.drop);
    if (!isWrong || !result.divergence || round === MAX_REPAIRS || job.asked.repair === false) return { ...result, repairs };
    const mended = await mend(job, steps, result.divergence, await lineageOfFile(`${result.folder}/${scratch.name}`));
    if (!mended) return { ...result, repairs };
    steps = mended.steps;
    repairs = [...repairs, ...mended.repairs];
  }
}

/** Keeps operators in 32-bit floats whose activations, as measured on the inputs to choose by, a half could not hold. */
async function preventOverflow(job: Job, referee: Referee, steps: readonly Step[]): Promise<Repaired> {
  const repairs: RepairReport[] = [];
  const mended = [...steps];
  for (const [index, step] of steps.entries()) {
    if (!computesHalves(step)) continue;
    const before = unique(await job.apply(job.input.model, mended.slice(0, index), true));
    const after = await job.apply(before, [step], true);
    const ranges = await rangesOf(job, referee, before, halvesOf(before, after));
    const large = [...ranges].filter(([id, range]) => before.graph && isTooLarge(before.graph, id, range));
    if (large.length === 0 || !before.graph) continue;
    const { graph } = before;
    const peak = Math.max(...large.map(([, { min, max }]) => Math.max(-min, max)));
    const because = `activations reach ${peak.toPrecision(3)} on the inputs, and a half ends at 65504`;
    if (job.asked.repair === false) {
      for (const [id] of large) job.note(id, `${because}; nothing was done about it (--no-repair)`);
      continue;
    }
    const kept = [...new Set(large.flatMap(([id]) => nodesAround(graph, id)))].filter((name) => !keepOf(step).includes(name));
    if (kept.length === 0) continue;
    mended[index] = { ...step, keep: [...keepOf(step), ...kept] };
    repairs.push({ step: index, use: step.use, kept, because });
  }
  return { steps: mended, repairs };
}

/** The range of each value over the inputs to choose by. */
async function rangesOf(job: Job, referee: Referee, before: Model, ids: ReadonlySet<ValueId>): Promise<Map<ValueId, Range>> {
  const ranges = new Map<ValueId, Range>();
  try {
    const observations = new Map([...ids].map((id) => [id, ofValue(id, 'range')]));
    const found = await referee.runner('choose').observe(await withBoundedMasks(before, job), [...observations.values()]);
    for (const [id, observation] of observations) {
      const range = await found.get(observation);
      if (range) ranges.set(id, range);
    }
  } catch (error) {
    if (!(error instanceof TersorError) || !['MODEL_INVALID', 'RUN_FAILED'].includes(error.code)) throw error;
    job.note('activations', `could not be watched, so halves are checked by their outputs alone: ${error.what}`);
  }
  return ranges;
}

async function lineageOfFile(path: string): Promise<Lineage | undefined> {
  const { model, close } = await openModel(path);
  await close();
  const { graph } = unique(model);
  return graph && lineageOf(graph);
}

/** Leaves what computes a wrong value out of the step that changed it; undefined where no step did. @param written  of the file where it is wrong */
async function mend(
  job: Job,
  steps: readonly Step[],
  { value: wrong, node, op, reason, error = 0, errorBefore }: DivergenceReport,
  written: Lineage | undefined,
): Promise<Repaired | undefined> {
  const because = `${node} (${op}) was ${reason === 'error' ? `off by ${Number((error * 100).toPrecision(2))} %` : reason}`;
  for (const [index, step] of [...steps.entries()].reverse()) {
    const before = unique(await job.apply(job.input.model, steps.slice(0, index), true));
    const value = written ? knownFrom(before, wrong, written) : wrong;
    if (value === undefined) continue;
    const change = computesHalves(step) ? keepAround(before, step, value) : await leaveOut(before, step, value);
    if (!change) continue;
    if (reason === 'error' && (await isRounding(job, before, step, change.kept, error, errorBefore))) return undefined;
    const rest = change.step ? steps.with(index, change.step) : steps.toSpliced(index, 1);
    if (rest.length === 0) return undefined;
    return { steps: rest, repairs: [{ step: index, use: step.use, kept: change.kept, because }] };
  }
  return undefined;
}

/** The first value or weight of `before` that a value of the file goes into: what decodes a weight has no name in the model that it was made from. */
function knownFrom({ graph, weights }: Model, value: ValueId, { order, parents }: Lineage): ValueId | undefined {
  const makers = graph && lineageOf(graph).makers;
  const reached = new Set([value]);
  for (const id of order) {
    if (parents.get(id)?.some((parent) => reached.has(parent))) reached.add(id);
    if (reached.has(id) && (makers?.has(id) || weights.has(id))) return id;
  }
  return undefined;
}

/**
 * Whether a layer is off by no more than rounding its weight to so few bits, and what the layers before it lost, explain: that was asked for, and mending it would
 * only take bytes.
 */
async function isRounding(
  job: Job,
  before: Model,
  step: Step,
  kept: readonly string[],
  error: number,
  errorBefore: number,
): Promise<boolean> {
  const after = await job.apply(before, [step], true);
  for (const id of kept) {
    const [was, is] = [before.weights.get(id), after.weights.get(id)];
    const rounded = was && is && was !== is ? relativeError(await was.load(), await is.load()) : undefined;
    if (rounded !== undefined && error <= MOST_OF_ROUNDING * (rounded + errorBefore)) return true;
  }
  return false;
}

interface Change {
  /** Absent where nothing is left for it to change. */
  readonly step?: Step;
  readonly kept: readonly string[];
}

/** First the operators around the value, then those around what it is computed from. */
function keepAround({ graph }: Model, step: Step, value: ValueId): Change | undefined {
  if (!graph) return undefined;
  const known = keepOf(step);
  const circles = [[value], lineageOf(graph).parents.get(value) ?? []];
  for (const ids of circles) {
    const kept = [...new Set(ids.flatMap((id) => nodesAround(graph, id)))].filter((name) => !known.includes(name));
    if (kept.length > 0) return { step: { ...step, keep: [...known, ...kept] }, kept };
  }
  return undefined;
}

/** The step for all of its layers but the one that is decoded wrongly, or those that the operator computes with. */
async function leaveOut(before: Model, step: Step, value: ValueId): Promise<Change | undefined> {
  const maker = before.graph && lineageOf(before.graph).makers.get(value)?.node;
  const layers = await findLayers(before);
  const scope = step.where ? select(layers, step.where) : layers;
  const kept = scope
    .filter(({ weight, uses }) => weight.id === value || uses.some(({ node }) => node === maker))
    .map(({ weight }) => weight.id);
  const where = scope.flatMap(({ weight }) => (kept.includes(weight.id) ? [] : [{ name: weight.id }]));
  return kept.length === 0 ? undefined : { kept, ...(where.length > 0 && { step: { ...step, where } }) };
}

function computesHalves({ use, compute = 'half' }: Step): boolean {
  return use === 'fp16' && compute === 'half';
}

function keepOf({ keep }: Step): readonly string[] {
  return Array.isArray(keep) ? keep.filter((name) => typeof name === 'string') : [];
}

function unique(model: Model): Model {
  return model.graph ? withGraph(model, withUniqueNames(model.graph)) : model;
}
