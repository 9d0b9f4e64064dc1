import type { Budget } from '../core/asked.ts';
import type { Candidate } from '../core/candidate.ts';
import type { Choice } from '../core/choice.ts';
import type { WeightId } from '../core/graph.ts';
import type { Step } from '../core/recipe.ts';
import type { Scratch } from '../io/node-scratch.ts';
import { observes } from '../methods/observes.ts';
import { cheapest, keyOf, type Option, stepsOf } from '../search/candidates.ts';
import { isQuicker, menuFor, type Setting } from '../search/menu.ts';
import { propose } from '../search/propose.ts';
import type { Confirmed, Question, Ranked } from '../search/question.ts';
import { openAssessor } from './assessor.ts';
import { codedAside, openWritten, writeAside } from './attempt.ts';
import { withCodedBytes } from './coded-bytes.ts';
import { explained } from './explained.ts';
import type { Job } from './job.ts';
import { alwaysDone, layOut } from './lay-out.ts';
import { openMeasured } from './measured.ts';
import { parted, preparationOf } from './preparation.ts';
import { recipeOf, withRecipe } from './recipe-in-file.ts';
import type { Referee } from './referee.ts';
import { openSolver } from './solve.ts';
import { staticRecipes } from './static-recipes.ts';
import { timeOptions } from './time-options.ts';
import { sparingUnreached } from './unreached.ts';

/** Of what latency may change by, the part that is used: the proof times it again. */
const PACE_USED = 0.97;

export function toSteps(job: Job, chosen: readonly Candidate[]): Step[] {
  const taken = chosen.flatMap(({ steps }) => (steps ? [steps] : []));
  const each = chosen.map(({ steps, ...candidate }) => ({ ...candidate, ...(steps && { steps: parted(steps).rest }) }));
  // What observes sees the model before other steps change it, as it did while the search measured.
  return [...alwaysDone(job), ...preparationOf(taken), ...stepsOf(each, (steps) => steps.some(observes))];
}

/** The recipe that the search measures first: every layer at its cheapest. Needs no runtime. */
export async function cheapestRecipe(job: Job, evidence: 'data' | 'synthetic', budget: Budget): Promise<Step[]> {
  const { options } = await layOut(job, menuOf(job, evidence, budget));
  return toSteps(job, options.map(cheapest));
}

/** What the user names, or what the search knows. */
function menuOf({ asked, target, packs }: Job, evidence: 'data' | 'synthetic', budget: Budget): readonly Setting[] {
  return asked.steps?.map((chain) => [chain]) ?? menuFor({ ...budget, evidence, target, packs });
}

/** Recipes for the main job, the smallest first, each more careful than the one before; see `propose`. */
export async function* searchRecipes(job: Job, referee: Referee, scratch: Scratch, budget: Budget): AsyncGenerator<Step[]> {
  const { cleaned, offers, options, rounded } = await layOut(job, menuOf(job, referee.evidence, budget));
  const open = options.filter((row) => row.length > 1);
  const numbers = await openMeasured(job, referee);
  if (isQuicker(budget.latency) && referee.evidence === 'data' && !job.asked.steps && job.target !== 'webgpu') {
    try {
      yield* staticRecipes(job, referee, scratch, numbers, budget);
    } finally {
      await numbers.save();
    }
  }
  const assessor = await openAssessor(
    job,
    referee,
    numbers,
    cleaned,
    open.map(([own]) => own!.layer),
    rounded,
  );
  try {
    const { latency = Number.POSITIVE_INFINITY, memory } = budget;
    // operators that keep weights small in memory take longer, as a rule
    const isTimed = isQuicker(latency) || (memory !== undefined && Number.isFinite(latency));
    const { rows, unreached } = await sparingUnreached(cleaned.graph, options, assessor.error);
    const unseen = new Set(unreached.map(([own]) => own!.layer.weight.id));
    for (const [own] of unreached) job.note(own!.layer.weight.id, 'lies in a branch that no sample takes: it gets 8 bits or more');
    const timed = isTimed ? await timeOptions(job, referee, numbers, cleaned, offers, rows, referee.shapes) : rows;
    const isCoded = job.packs || budget.coded !== undefined;
    const stored = new Map(timed.flat().map((option) => [keyOf(option), option.bytes]));
    const priced = isCoded ? await withCodedBytes(job, numbers, timed) : timed;
    const maxBytes = budget.coded ?? budget.size;
    const sumOfWeights = (chosen: readonly Option[]) => chosen.reduce((sum, { bytes }) => sum + bytes, 0);
    let around: number | undefined;
    /** Of the whole file, in the bytes that are limited. Of what is coded, what is no weight with a choice is as the first file leaves it. */
    const size = async (chosen: readonly Option[]) => {
      const steps = toSteps(job, chosen);
      if (!isCoded || maxBytes === undefined) {
        const more = isCoded ? chosen.reduce((sum, option) => sum + option.bytes - (stored.get(keyOf(option)) ?? 0), 0) : 0;
        return (await bytesAfter(job, steps)) + more;
      }
      around ??= (await codedAside(job, scratch, steps)) - sumOfWeights(chosen);
      return sumOfWeights(chosen) + around;
    };
    const question: Question = {
      options: priced,
      maxDrop: budget.drop ?? Number.POSITIVE_INFINITY,
      ...(maxBytes !== undefined && { maxBytes }),
      ...(isTimed && { maxAdded: referee.shapes.map(() => latency * PACE_USED - 1) }),
      ...(memory !== undefined && {
        maxMemory: memory,
        footprint: async (chosen: readonly Option[]) => referee.footprint(await writeAside(job, scratch, toSteps(job, chosen))),
      }),
      solve: await openSolver(),
      ...assessor,
      size,
      drop: async (chosen) => {
        const drop = await assessor.drop(chosen);
        job.measured.push({ bytes: await size(chosen), drop });
        return drop;
      },
      ...(isTimed && { confirm: (chosen: readonly Option[]) => confirm(job, referee, scratch, toSteps(job, chosen)) }),
      enough: () => job.asked.enough?.aborted === true,
      onProgress: (done, total, about) => job.progress('choose', done, total, about),
    };
    for await (const { chosen, rows: ranked } of propose(question)) {
      const steps = toSteps(job, chosen);
      if (ranked) job.reasons.set(JSON.stringify(recipeOf(job, steps).steps), reasonsOf(ranked, chosen, unseen));
      yield steps;
    }
  } finally {
    job.searched = {
      layers: open.length,
      candidates: open.reduce((sum, row) => sum + row.length - 1, 0),
      forwards: referee.forwards(),
      recalled: numbers.recalled,
    };
    await numbers.save();
    await assessor.close();
  }
}

/** Of layers with a choice; of those that no sample takes nothing was measured that would be one. */
function reasonsOf(ranked: Ranked, chosen: readonly Option[], unseen: ReadonlySet<WeightId>): Choice[] {
  return ranked.flatMap((row, at) => (row.length > 1 && !unseen.has(row[0]!.layer.weight.id) ? [explained(row, chosen[at]!)] : []));
}

/** Writes what `steps` make, where nobody sees it, and measures it as it will run. */
async function confirm(job: Job, referee: Referee, scratch: Scratch, steps: readonly Step[]): Promise<Confirmed> {
  const session = await openWritten(job, referee, scratch, steps);
  try {
    const { drop } = await referee.judge(session, 'choose');
    const { timings = [] } = await referee.raceQuickly(session);
    return { drop, added: timings.map(({ ratio }) => ratio - 1) };
  } finally {
    await session.close();
  }
}

/** Exactly: the recipe that goes into the file is counted, too. */
export async function bytesAfter(job: Job, steps: readonly Step[]): Promise<number> {
  const model = withRecipe(await job.apply(job.input.model, steps, true), recipeOf(job, steps));
  return (await job.input.format.size(model, job.target)).bytes;
}
