import type { Candidate } from '../core/candidate.ts';
import type { Limit, Solve } from '../core/program.ts';

/** What may be done to each layer; one of each row is taken. Rows are never empty: a layer can always stay as it is. */
export type Choices<C extends Candidate> = readonly (readonly C[])[];

/** Sums over the layers that are not to be exceeded. */
export interface Limits {
  readonly bytes?: number;
  readonly error?: number;
  /** Of the weights in a running model. */
  readonly memory?: number;
  /** What may be added to the latency, as a share of the original's, for every shape. */
  readonly latency?: readonly number[];
}

/** What is wanted as small as the limits allow. */
export type Goal = 'bytes' | 'error' | 'latency' | 'memory';

/**
 * The candidate of each layer that together come out smallest: the multiple-choice knapsack problem, solved exactly up to the solver's tolerance.
 * Undefined when nothing keeps the limits. Of two choices with the same goal the one that loses less is taken.
 */
export async function allocate<C extends Candidate>(
  choices: Choices<C>,
  goal: Goal,
  limits: Limits,
  solve: Solve,
): Promise<C[] | undefined> {
  const rows = choices.map((row) => worthwhile(row));
  const table = (value: (candidate: C) => number) => rows.map((row) => row.map(value));
  const all: Limit[] = [];
  if (limits.bytes !== undefined) all.push({ use: table(({ bytes }) => bytes), most: limits.bytes });
  if (limits.error !== undefined) all.push({ use: table(({ error }) => error), most: limits.error });
  if (limits.memory !== undefined) all.push({ use: table(({ memory = 0 }) => memory), most: limits.memory });
  for (const [shape, most] of (limits.latency ?? []).entries()) all.push({ use: table(({ latency }) => latency?.[shape] ?? 0), most });
  const chosen = await solve({ cost: table((candidate) => amountOf(candidate, goal)), limits: all });
  return chosen?.map((index, row) => rows[row]![index]!);
}

/**
 * What `choose` takes in so many bytes for layers that the whole file, with the graph around them, keeps within `limit`.
 * @param size  of the whole file, exactly
 */
export async function fitInto<C extends Candidate>(
  limit: number,
  choose: (bytes: number) => Promise<C[] | undefined>,
  size: (chosen: readonly C[]) => Promise<number>,
): Promise<C[] | undefined> {
  for (let room = limit; ; ) {
    const chosen = await choose(room);
    const excess = chosen ? (await size(chosen)) - limit : 0;
    if (!chosen || excess <= 0) return chosen;
    room = sumOf(chosen, 'bytes') - excess;
  }
}

/** Whether a choice keeps limits, those of errors aside. */
export function isWithin(chosen: readonly Candidate[], { bytes, memory, latency = [] }: Limits): boolean {
  const isLess = (goal: Goal, most = Number.POSITIVE_INFINITY) => sumOf(chosen, goal) <= most;
  const added = (shape: number) => chosen.reduce((sum, candidate) => sum + (candidate.latency?.[shape] ?? 0), 0);
  return isLess('bytes', bytes) && isLess('memory', memory) && latency.every((most, shape) => added(shape) <= most);
}

export function sumOf(chosen: readonly Candidate[], goal: Goal): number {
  return chosen.reduce((sum, candidate) => sum + amountOf(candidate, goal), 0);
}

/** Latency is that of all shapes together: a promise is about the worst, which limits state. */
function amountOf({ latency = [], ...candidate }: Candidate, goal: Goal): number {
  return goal === 'latency' ? latency.reduce((sum, added) => sum + added, 0) : (candidate[goal] ?? 0);
}

/** Without those that another one beats in everything; the most faithful first. */
function worthwhile<C extends Candidate>(row: readonly C[]): C[] {
  const kept: C[] = [];
  for (const next of row.toSorted((a, b) => a.error - b.error || a.bytes - b.bytes)) {
    if (Number.isFinite(next.error) && !kept.some((known) => beats(known, next))) kept.push(next);
  }
  return kept;
}

function beats(a: Candidate, b: Candidate): boolean {
  if (a.error > b.error || a.bytes > b.bytes || (a.memory ?? 0) > (b.memory ?? 0)) return false;
  const shapes = Math.max(a.latency?.length ?? 0, b.latency?.length ?? 0);
  for (let i = 0; i < shapes; i++) if ((a.latency?.[i] ?? 0) > (b.latency?.[i] ?? 0)) return false;
  return true;
}
