import type { WeightId } from '../core/graph.ts';
import type { Weight } from '../core/model.ts';
import { allocate, bytesOf, frontier } from './allocate.ts';
import type { Option } from './candidates.ts';

export interface Question {
  /** Per layer, see `optionsOf`. */
  readonly options: readonly (readonly Option[])[];
  /** Loss that is allowed. */
  readonly maxDrop: number;
  /** The whole file's size that is allowed; absent: as small as the drop permits. */
  readonly maxBytes?: number;
  /** The exact size of the whole file. Loads nothing. */
  size(chosen: readonly Option[]): Promise<number>;
  /** What the promise is about, of the model with these weights in place of its own: see `QualityReport.drop`. */
  drop(weights: ReadonlyMap<WeightId, Weight>): Promise<number>;
  /** A smooth distance between the outputs that goes on falling where `drop` is already 0. Small ones of different layers add up. */
  error(weights: ReadonlyMap<WeightId, Weight>): Promise<number>;
  /** Called when an allocation was measured as a whole. */
  onMeasured?(chosen: readonly Option[], drop: number): Promise<void>;
  /** Called while layers are ranked, with those done and in all. */
  onProgress?(done: number, total: number, about: string): void;
}

/**
 * Proposals for what each layer becomes, the one with the fewest bytes first. The caller writes and proves one, and asks for the next, more
 * careful one when it does not hold. With a size limit there is one proposal: the least error that fits.
 *
 * First everything at its cheapest is measured: mostly that is the answer. Only when it loses too much are the layers ranked, one candidate
 * at a time. That makes an order of allocations, from small to faithful, in which the smallest that holds is found by measuring the
 * assembled model: errors of single layers only order the search, they decide nothing.
 */
export async function* propose(question: Question): AsyncGenerator<Option[]> {
  if (question.maxBytes !== undefined) {
    const fitting = await leastErrorWithin(question, question.maxBytes);
    if (fitting) yield fitting;
    return;
  }
  const cheapest = question.options.map((row) => row.reduce((best, option) => (option.bytes < best.bytes ? option : best)));
  if (await holds(question, cheapest)) yield cheapest;
  const allocations = frontier(await rank(question));
  const last = allocations.length - 1;
  for (let index = await firstThatHolds(question, allocations), stride = 1; index < last; index += stride, stride *= 2) {
    const chosen = allocations[index]!;
    if (bytesOf(chosen) > bytesOf(cheapest) && (await holds(question, chosen))) yield chosen;
  }
  yield allocations[last]!;
}

/** By bisection, for loss falls along the frontier but for noise. The last allocation, the faithful one, is taken to hold. */
async function firstThatHolds(question: Question, allocations: readonly Option[][]): Promise<number> {
  let [low, high] = [0, allocations.length - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await holds(question, allocations[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The least error in `limit` bytes. What layers take is known, what the graph around them takes follows from sizing the choice. */
async function leastErrorWithin(question: Question, limit: number): Promise<Option[] | undefined> {
  const ranked = await rank(question);
  for (let room = limit; ; ) {
    const chosen = allocate(ranked, room);
    if (!chosen) return undefined;
    const excess = (await question.size(chosen)) - limit;
    if (excess <= 0) return chosen;
    room = bytesOf(chosen) - excess;
  }
}

/** The options with their errors: each layer changed alone. One whose outputs are not finite is out. */
async function rank(question: Question): Promise<Option[][]> {
  const { options, maxDrop, onProgress } = question;
  const negligible = Math.min(maxDrop, 1) / (20 * options.length);
  const ranked: Option[][] = [];
  for (const [done, row] of options.entries()) {
    onProgress?.(done, options.length, row[0]!.layer.weight.id);
    ranked.push(await rankLayer(question, row, negligible));
  }
  onProgress?.(options.length, options.length, '');
  return ranked;
}

/**
 * The cheapest first. Behind one that loses next to nothing the others are not measured, but taken to lose half as much each: they are there
 * for when the inputs to prove with tell another story.
 */
async function rankLayer(question: Question, row: readonly Option[], negligible: number): Promise<Option[]> {
  const ranked: Option[] = [];
  let known = Number.POSITIVE_INFINITY;
  for (const option of row.toSorted((a, b) => a.bytes - b.bytes)) {
    if (!option.step) known = 0;
    else if (known < negligible) known /= 2;
    else known = Math.max(negligible / 100, await question.error(new Map([[option.layer.weight.id, option.weight]])));
    if (Number.isFinite(known)) ranked.push({ ...option, error: known });
  }
  return ranked;
}

async function holds(question: Question, chosen: readonly Option[]): Promise<boolean> {
  const changed = chosen.filter((option) => option.step);
  const drop = await question.drop(new Map(changed.map((option) => [option.layer.weight.id, option.weight])));
  await question.onMeasured?.(chosen, drop);
  return drop <= question.maxDrop;
}
