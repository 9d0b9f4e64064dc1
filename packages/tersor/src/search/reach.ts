import { allocate, type Limits, sumOf } from './allocate.ts';
import type { Option } from './candidates.ts';
import type { Question, Ranked, Room } from './question.ts';

/** What gains of layers together may be of those that they have alone. */
const LEAST_PACE = 0.2;
const LARGEST_PACE = 10;
/** Of the original's latency, what is as good as the quickest. */
const REACH = 0.01;
/** Times that the memory of a whole model tells that its weights take more than they were taken to. */
const MAX_FITTINGS = 4;
/** Of the memory that is allowed, the part that is used: the proof measures it again. */
const MEMORY_USED = 0.96;

export interface Reach {
  /** With limits in the layers' own measure, that some allocation keeps. */
  readonly question: Question;
  /** What was asked cannot be had; the limits are those of what comes near it. */
  readonly isOutOfReach: boolean;
}

/**
 * What of the latency and the memory asked can be had. Both are sums over layers, corrected by whole models: that of all layers at their quickest, and
 * that of all at the least memory.
 */
export async function withinReach(asked: Question): Promise<Reach> {
  const measured = await atMeasuredMemory(await atMeasuredPace(asked));
  let question = measured;
  const { room, ...anyMemory } = measured;
  if (!(await cheapestOf(anyMemory))) question = await withReachedLatency(question);
  if (room && !(await cheapestOf(question))) question = await withReachedMemory(question, room);
  const isOutOfReach = question !== measured;
  return { question: isOutOfReach ? question : await fitted(question), isOutOfReach };
}

/** Every layer at the fewest bytes that the limits permit. */
export function cheapestOf(question: Question): Promise<Option[] | undefined> {
  return allocate(unmeasuredOf(question.options), 'bytes', limitsOf(question), question.solve);
}

export function limitsOf({ maxAdded, room }: Question): Limits {
  return { ...(maxAdded && { latency: maxAdded }), ...(room && { memory: room.most }) };
}

/**
 * The question with latencies that add up to what the quickest allocation of all takes as a whole: what operators gain alone is more or less than they
 * gain together, and a promise that can be kept is not to be given up for that.
 */
async function atMeasuredPace(question: Question): Promise<Question> {
  const { options, confirm, solve } = question;
  if (!confirm) return question;
  const quickest = await allocate(unmeasuredOf(options), 'latency', {}, solve);
  return quickest ? { ...question, options: atPace(options, quickest, (await confirm(quickest)).added) } : question;
}

/** The options with latencies that add up to what the whole model was measured to take. */
export function atPace(choices: Ranked, chosen: readonly Option[], added: readonly number[]): Ranked {
  const factors = added.map((share, shape) => {
    const expected = addedBy(chosen, shape);
    return expected < 0 ? Math.min(LARGEST_PACE, Math.max(LEAST_PACE, share / expected)) : 1;
  });
  return choices.map((row) =>
    row.map((option) => ({
      ...option,
      ...(option.latency && { latency: option.latency.map((share, shape) => (share < 0 ? share * factors[shape]! : share)) }),
    })),
  );
}

/** The same about what is about as quick as can be. */
async function withReachedLatency(question: Question): Promise<Question> {
  const { options, maxAdded, solve } = question;
  const quickest = await allocate(unmeasuredOf(options), 'latency', {}, solve);
  if (!maxAdded || !quickest) return question;
  return { ...question, maxAdded: maxAdded.map((most, shape) => Math.max(most, addedBy(quickest, shape) + REACH)) };
}

/** What a choice adds to the latency on a shape, as its layers were timed. */
function addedBy(chosen: readonly Option[], shape: number): number {
  return chosen.reduce((sum, { latency }) => sum + (latency?.[shape] ?? 0), 0);
}

/**
 * The question with what weights may take in a running model, where that has to be limited: between the memory of the model as it is and of that whose weights take
 * the least, it is taken to follow from what the weights take.
 */
async function atMeasuredMemory(question: Question): Promise<Question> {
  const { options, maxMemory, footprint, solve } = question;
  if (maxMemory === undefined || !footprint) return question;
  const own = options.map((row) => row.find(({ steps }) => !steps) ?? row.at(-1)!);
  const least = await allocate(unmeasuredOf(options), 'memory', {}, solve);
  const [most, fewest] = [await footprint(own), least && (await footprint(least))];
  if (!least || most === undefined || fewest === undefined) return question;
  const allowed = maxMemory * MEMORY_USED;
  if (most <= allowed) return question;
  const start = { held: sumOf(own, 'memory'), footprint: most };
  return { ...question, room: roomFor(allowed, { held: sumOf(least, 'memory'), footprint: fewest }, start) };
}

/** What weights may take, were memory to grow with them evenly between the least and what was measured. */
function roomFor(allowed: number, least: Room['least'], measured: Room['least']): Room {
  const share = (allowed - least.footprint) / Math.max(1, measured.footprint - least.footprint);
  return { most: least.held + share * (measured.held - least.held), least };
}

/** The question whose smallest allocation has room: folding the operators that expand weights takes some for a while. */
async function fitted(question: Question): Promise<Question> {
  let fitting = question;
  for (let round = 0; fitting.room && round < MAX_FITTINGS; round++) {
    const cheapest = await cheapestOf(fitting);
    const less = cheapest && (await withRoomFor(fitting, cheapest));
    if (!less) break;
    fitting = less;
  }
  return fitting;
}

/** The question with less memory for weights where `chosen` takes too much as a whole; undefined where it does not, or nothing takes less. */
export async function withRoomFor(question: Question, chosen: readonly Option[]): Promise<Question | undefined> {
  const { room, maxMemory = 0, footprint } = question;
  const measured = room && footprint && (await footprint(chosen));
  const allowed = maxMemory * MEMORY_USED;
  if (!room || measured === undefined || measured <= allowed) return undefined;
  const less = { ...question, room: roomFor(allowed, room.least, { held: sumOf(chosen, 'memory'), footprint: measured }) };
  return (await cheapestOf(less)) ? less : undefined;
}

/** The same about the least memory that the latency permits. */
async function withReachedMemory(question: Question, room: Room): Promise<Question> {
  const { room: _, ...others } = question;
  const least = await allocate(unmeasuredOf(question.options), 'memory', limitsOf(others), question.solve);
  return least ? { ...question, room: { ...room, most: sumOf(least, 'memory') } } : question;
}

/** Errors play no part yet. */
function unmeasuredOf(options: Ranked): Option[][] {
  return options.map((row) => row.map((option) => ({ ...option, error: 0 })));
}
