import { allocate, fitInto, isWithin, sumOf } from './allocate.ts';
import { keyOf, type Option } from './candidates.ts';
import type { Question, Ranked } from './question.ts';
import { expected, rank, rankAround } from './rank.ts';
import { atPace, cheapestOf, limitsOf, withinReach, withRoomFor } from './reach.ts';

/** Proposals as close as this in bytes are as good as one another. */
const CLOSE = 1.002;
/** Halvings of the range in which the allowed error is looked for. */
const MAX_HALVINGS = 14;
/** Errors that add up to what was measured, within this factor, need no correction. */
const ADDITIVE = 1.5;
const MAX_CORRECTIONS = 2;
/** A correction that saves less than this part was the last. */
const LEAST_SAVING = 0.005;
/** What layers may lose, as shares of the first proposal's loss, while proposals do not hold on other inputs. */
const SHARES = [1, 0.7, 0.5, 0.25, 0.06, 0.02, 0.005, 0.001];
/** How much less drop is aimed at when the written model loses more than its layers did, at least. */
const MORE_CAREFUL = 0.9;
/** Times that the latency of a whole model tells that its layers were timed too well. */
const MAX_CONFIRMATIONS = 4;

/** What each layer becomes. */
export interface Proposal {
  readonly chosen: Option[];
  /** What was known of all options, the chosen ones among them; absent where layers did not have to be weighed against one another. */
  readonly rows?: Ranked;
}

/**
 * Proposals for what each layer becomes, the one with the fewest bytes first. The caller writes and proves one, and asks for the next, more
 * careful one when it does not hold. With a size limit there is one proposal: the least error that fits.
 *
 * First everything at its cheapest is measured: mostly that is the answer. Only when it loses too much are the layers ranked, one candidate
 * at a time. For any error that the layers may add up to, the smallest allocation is the solution of a knapsack problem; which sum the promise
 * allows is found by measuring assembled models. Where layers lose more or less together than they do alone, their errors are
 * measured again, in the company of the best allocation so far, and the problem is solved anew.
 */
export async function* propose(asked: Question): AsyncGenerator<Proposal> {
  const { question, isOutOfReach } = await withinReach(asked);
  if (question.maxBytes !== undefined) {
    const fitting = await leastErrorWithin(question, question.maxBytes);
    if (fitting) yield fitting;
    return;
  }
  const cheapest = await cheapestOf(question);
  if (cheapest && !question.enough?.() && (await holds(question, cheapest, question.maxDrop))) {
    yield { chosen: cheapest };
    if (isOutOfReach) return;
  }
  const unranked = await smallestUniform(question);
  if (question.enough?.()) return yield { chosen: unranked ?? careful(question) };
  let choices: Ranked = await rank(question);
  const uniform = unranked?.map((option, row) => rankedAs(option, choices[row]!));
  let target = question.maxDrop;
  let found = smaller(await smallest(question, choices, target), uniform);
  for (
    let round = 0;
    round < MAX_CORRECTIONS && !found.unreachable && !question.enough?.() && !(await isAdditive(question, found));
    round++
  ) {
    const corrected = await rankAround(question, choices, found.holding);
    const next = await smallest(question, corrected, target);
    if (next.unreachable || sumOf(next.holding, 'bytes') > sumOf(found.holding, 'bytes') * (1 - LEAST_SAVING)) break;
    [choices, found] = [corrected, next];
  }
  if (found.unreachable) return yield { chosen: found.holding, rows: choices };
  let last = cheapest;
  let alike = uniform;
  const first = sumOf(found.holding, 'error');
  for (const share of SHARES) {
    if (share < 1) found = await smallest(question, choices, target, first * share);
    const { holding, aim, paced } = await confirmed(question, choices, found, target);
    // what is the same for every layer held, too, when it was measured, and is not to be passed over for what is larger
    if (alike && sumOf(alike, 'bytes') <= sumOf(holding, 'bytes')) {
      const isNew = ![last ?? [], holding].some((other) => keysOf(other) === keysOf(alike!));
      if (isNew) yield { chosen: alike.map((option, row) => rankedAs(option, choices[row]!)), rows: choices };
      alike = undefined;
    }
    if (!last || isOutOfReach || keysOf(holding) !== keysOf(last)) yield { chosen: holding, rows: choices };
    // what is more careful is no quicker, and takes no less memory
    if (isOutOfReach) return;
    [last, target, choices] = [holding, aim, paced];
  }
  const faithful = await allocate(choices, 'error', limitsOf(question), question.solve);
  if (faithful && (!last || keysOf(faithful) !== keysOf(last))) yield { chosen: faithful, rows: choices };
}

/** The smallest that holds of those that do the same to every layer, as far as a layer bears it at all. */
async function smallestUniform(question: Question): Promise<Option[] | undefined> {
  const { options, maxDrop } = question;
  const settings = new Set(options.flat().flatMap(({ setting }) => (setting === undefined ? [] : [setting])));
  const uniforms = [...settings].map((setting) => options.map((row) => row.find((option) => option.setting === setting) ?? row.at(-1)!));
  for (const chosen of uniforms.sort((a, b) => sumOf(a, 'bytes') - sumOf(b, 'bytes'))) {
    if (question.enough?.()) break;
    if (isWithin(chosen, limitsOf(question)) && (await holds(question, chosen, maxDrop))) return chosen;
  }
  return undefined;
}

function rankedAs(option: Option, row: readonly Option[]): Option {
  return row.find(({ steps }) => steps === option.steps) ?? option;
}

function smaller(found: Found, other: Option[] | undefined): Found {
  return other && !found.unreachable && sumOf(other, 'bytes') < sumOf(found.holding, 'bytes')
    ? { ...found, holding: other, measured: true }
    : found;
}

/** What is left when there was no time to measure: every layer at the most faithful of what makes it smaller. */
function careful({ options }: Question): Option[] {
  return options.map((row) => row.at(-1)!);
}

interface Found {
  /** The smallest that holds, as far as is known. */
  readonly holding: Option[];
  /** No allocation is as quick as was asked; this is the quickest. */
  readonly unreachable?: true;
  /** Whether that was measured; the most faithful allocation is taken to hold. */
  readonly measured: boolean;
  /** The next smaller one, which does not hold; absent when the smallest of all holds. */
  readonly failing?: Option[];
}

/**
 * The smallest allocation whose drop is within `target` and whose layers lose at most `most`, by halving the range of errors that its layers may add up to: loss falls with the allowed
 * error, but for noise.
 */
async function smallest(question: Question, choices: Ranked, target: number, most = Number.POSITIVE_INFINITY): Promise<Found> {
  const { solve } = question;
  const limits = limitsOf(question);
  const faithful = await allocate(choices, 'error', limits, solve);
  const cheapest = await allocate(choices, 'bytes', Number.isFinite(most) ? { ...limits, error: most } : limits, solve);
  if (!faithful)
    return { holding: (await allocate(choices, 'latency', {}, solve)) ?? careful(question), measured: false, unreachable: true };
  if (!cheapest) return { holding: faithful, measured: false };
  if (await holds(question, cheapest, target)) return { holding: cheapest, measured: true };
  let low = { error: sumOf(faithful, 'error'), chosen: faithful, measured: false };
  let high = { error: sumOf(cheapest, 'error'), chosen: cheapest };
  for (let halving = 0; halving < MAX_HALVINGS; halving++) {
    if (question.enough?.() || sumOf(low.chosen, 'bytes') <= sumOf(high.chosen, 'bytes') * CLOSE) break;
    const error = halving === 0 && target > low.error && target < high.error ? target : between(low.error, high.error);
    const chosen = (await allocate(choices, 'bytes', { ...limits, error }, solve)) ?? low.chosen;
    if (keysOf(chosen) === keysOf(low.chosen)) low = { ...low, error };
    else if (await holds(question, chosen, target)) low = { error, chosen, measured: true };
    else high = { error: Math.min(error, sumOf(chosen, 'error')), chosen };
  }
  return { holding: low.chosen, measured: low.measured, failing: high.chosen };
}

/** Half way in orders of magnitude. */
function between(low: number, high: number): number {
  return Math.sqrt(Math.max(low, high * 1e-4) * high);
}

/** Whether the layers' errors add up to what the allocations next to the promise were measured to lose. */
async function isAdditive(question: Question, { holding, failing }: Found): Promise<boolean> {
  for (const chosen of [holding, ...(failing ? [failing] : [])]) {
    const [sum, measured] = [sumOf(chosen, 'error'), (await question.around(chosen)).error];
    if (measured > sum * ADDITIVE || sum > measured * ADDITIVE) return false;
  }
  return true;
}

/** The least error in `limit` bytes. What layers take is known, what the graph around them takes follows from sizing the choice. */
async function leastErrorWithin(question: Question, limit: number): Promise<Proposal | undefined> {
  const fit = (choices: Ranked) =>
    fitInto(limit, (bytes) => allocate(choices, 'error', { ...limitsOf(question), bytes }, question.solve), question.size);
  let ranked = await rank(question);
  // Layers that there was no time for have themselves alone, which may not fit.
  if (question.enough?.()) ranked = ranked.map((row, at) => (row.length > 1 ? row : expected(question.options[at]!)));
  let best = await fit(ranked);
  if (!best) return undefined;
  await question.drop(best);
  let [error, rows] = [await question.error(best), ranked];
  for (let round = 0; round < MAX_CORRECTIONS && !question.enough?.(); round++) {
    const corrected = await rankAround(question, ranked, best);
    const next = await fit(corrected);
    if (!next || keysOf(next) === keysOf(best)) break;
    await question.drop(next);
    const less = await question.error(next);
    if (less >= error) break;
    [best, error, rows] = [next, less, corrected];
  }
  return { chosen: best, rows };
}

interface Confirmation {
  readonly holding: Option[];
  /** The drop that had to be aimed at. */
  readonly aim: number;
  readonly paced: Ranked;
}

/**
 * The allocation that holds as the runtime computes with it. The sum of its layers' latencies is corrected by the whole model's, and its drop by
 * the drop of the model as it would be written.
 */
async function confirmed(question: Question, choices: Ranked, found: Found, target: number): Promise<Confirmation> {
  const { confirm, maxAdded, enough } = question;
  let [holding, aim, paced, within] = [found.holding, target, choices, question];
  for (let round = 0; confirm && maxAdded && round < MAX_CONFIRMATIONS && !enough?.(); round++) {
    const { drop, added } = await confirm(holding);
    const less = await withRoomFor(within, holding);
    const slow = added.some((share, shape) => share > (maxAdded[shape] ?? 0));
    if (!slow && drop <= target && !less) break;
    if (less) within = less;
    if (slow) paced = atPace(paced, holding, added);
    if (drop > target) aim *= Math.min(MORE_CAREFUL, target / drop);
    holding = (await smallest(within, paced, aim)).holding;
  }
  return { holding, aim, paced };
}

async function holds(question: Question, chosen: readonly Option[], target: number): Promise<boolean> {
  return (await question.drop(chosen)) <= target;
}

function keysOf(chosen: readonly Option[]): string {
  return chosen.map(keyOf).join('\n');
}
