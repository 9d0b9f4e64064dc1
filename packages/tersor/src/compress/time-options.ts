import type { Feeds, Session } from '../core/engine.ts';
import type { Model } from '../core/model.ts';
import { median } from '../evaluate/bootstrap.ts';
import type { Numbers } from '../io/node-numbers.ts';
import { expose } from '../observe/expose.ts';
import { type Alone, alone } from '../search/alone.ts';
import type { Offer, Option } from '../search/candidates.ts';
import type { Job } from './job.ts';
import { openTemporarily } from './open-temporarily.ts';
import type { Referee } from './referee.ts';

/** Rounds that all forms of one operator are timed in, and about how long that may take. */
const ROUNDS = { least: 5, most: 40, ms: 1500 } as const;
/** What takes less than clocks can tell is taken to take this. */
const LEAST_MS = 1e-4;

/** An operator that some layers share, with the inputs it was seen to get. */
interface Group {
  readonly at: Alone;
  readonly rows: { readonly row: number; readonly layer: Alone }[];
  /** What the operators need, for every shape. */
  readonly feeds: readonly Feeds[];
}

/**
 * The options with what each adds to the model's latency, as a share of the original's, for every shape in `shapes`: the operator that uses the layer,
 * lowered with constants as it would be written, by turns with the original's; weights that are expanded add nothing. Layers of equal operators are timed once. Where an operator cannot be
 * timed alone it is taken to take what it took. Where there was no time left for a layer, it has itself alone.
 */
export async function timeOptions(
  job: Job,
  referee: Referee,
  numbers: Numbers,
  model: Model,
  offers: readonly Offer[],
  options: readonly (readonly Option[])[],
  shapes: readonly Feeds[],
): Promise<Option[][]> {
  const groups = await groupsOf(job, referee, model, options, shapes);
  const whole: number[] = [];
  for (const feeds of shapes)
    whole.push(Math.max(LEAST_MS, await numbers.recall(`ms ${shapesOf(feeds)}`, () => timeOriginal(referee, feeds))));
  const timed = options.map((row) => [...row]);
  for (const [done, group] of groups.entries()) {
    job.progress('time', done, groups.length, group.at.signature);
    if (job.asked.enough?.aborted) for (const { row } of group.rows) timed[row] = timed[row]!.slice(0, 1);
    else await timeGroup(job, referee, numbers, offers, group, timed, whole);
  }
  return timed;
}

async function groupsOf(
  job: Job,
  referee: Referee,
  model: Model,
  options: readonly (readonly Option[])[],
  shapes: readonly Feeds[],
): Promise<Group[]> {
  const ids = new Set(options.map((row) => row[0]!.layer.weight.id));
  const found = options.flatMap((row, index) => {
    const layer = row.length > 1 ? alone(model, row[0]!.layer, (id) => ids.has(id)) : undefined;
    return layer ? [{ row: index, layer }] : [];
  });
  const groups = new Map<string, { row: number; layer: Alone }[]>();
  for (const each of found) {
    // the first of a group is timed with what comes into question for all of them
    const key = JSON.stringify([each.layer.signature, options[each.row]!.map(({ steps }) => steps)]);
    const group = groups.get(key);
    if (group) group.push(each);
    else groups.set(key, [each]);
  }
  const leaders = [...groups.values()].map(([first]) => first!.layer);
  const seen = await observe(job, referee, model, [...new Set(leaders.flatMap(({ inputs }) => inputs))], shapes);
  return [...groups.values()].map((rows) => {
    const at = rows[0]!.layer;
    const feeds = seen.map((values) => Object.fromEntries(at.inputs.flatMap((name) => (values[name] ? [[name, values[name]]] : []))));
    return { at, rows, feeds };
  });
}

/** The values of these names, for every shape. Inputs of the model are known already. */
async function observe(job: Job, referee: Referee, model: Model, names: readonly string[], shapes: readonly Feeds[]): Promise<Feeds[]> {
  const inner = names.filter((name) => shapes.some((feeds) => !(name in feeds)));
  if (inner.length === 0) return [...shapes];
  const { session, close } = await openTemporarily(referee.engine, expose(model, new Set(inner)).model, aroundOf(job));
  try {
    const seen: Feeds[] = [];
    for (const feeds of shapes) seen.push({ ...feeds, ...(await session.run(feeds, inner)) });
    return seen;
  } finally {
    await close();
  }
}

function aroundOf({ input, target, kernels, asked: { signal } }: Job) {
  return { format: input.format, target, kernels, ...(signal && { signal }) };
}

async function timeGroup(
  job: Job,
  referee: Referee,
  numbers: Numbers,
  offers: readonly Offer[],
  { at, rows, feeds }: Group,
  timed: Option[][],
  whole: readonly number[],
): Promise<void> {
  const lead = timed[rows[0]!.row]!;
  // what the runtime expands when it loads the model computes as before
  const kinds = lead.flatMap(({ steps, execution = 'expand' }) => (steps && execution !== 'expand' ? [steps] : []));
  if (kinds.length === 0) return;
  const forms = kinds.map((steps) => {
    const offer = offers.find((each) => each.steps === steps);
    return offer && { ...offer.model, graph: at.model.graph!, weights: pick(offer.model, at.model) };
  });
  const opened: Awaited<ReturnType<typeof openTemporarily>>[] = [];
  try {
    for (const form of [at.model, ...forms]) opened.push(await openTemporarily(referee.engine, form ?? at.model, aroundOf(job)));
    const sessions = opened.map(({ session }) => session);
    for (const [shape, values] of feeds.entries()) {
      const race = lazily(() => timeForms(referee, sessions, values));
      for (const [index, steps] of kinds.entries()) {
        const name = `added ${at.signature} ${JSON.stringify(steps)} ${shapesOf(values)}`;
        const ms = await numbers.recall(name, async () => {
          const times = await race();
          return (times[index + 1] ?? 0) - (times[0] ?? 0);
        });
        const share = ms / at.layers / whole[shape]!;
        for (const { row } of rows) setLatency(timed[row]!, steps, shape, feeds.length, share);
      }
    }
  } finally {
    for (const { close } of opened) await close();
  }
}

function pick(from: Model, like: Model): Model['weights'] {
  return new Map([...like.weights.keys()].flatMap((id) => (from.weights.has(id) ? [[id, from.weights.get(id)!] as const] : [])));
}

function setLatency(row: Option[], steps: Option['steps'], shape: number, shapes: number, share: number): void {
  const at = row.findIndex((option) => option.steps === steps);
  const option = row[at];
  if (!option) return;
  const latency = option.latency ? [...option.latency] : new Array<number>(shapes).fill(0);
  latency[shape] = share;
  row[at] = { ...option, latency };
}

/** Medians in milliseconds. */
async function timeForms(referee: Referee, sessions: readonly Session[], feeds: Feeds): Promise<number[]> {
  const trial = await referee.engine.race(sessions, feeds, { rounds: 1, warmup: 1 });
  const once = trial.reduce((sum, [ms = 0]) => sum + ms, 0);
  const rounds = Math.round(Math.min(ROUNDS.most, Math.max(ROUNDS.least, ROUNDS.ms / Math.max(once, 1e-3))));
  return (await referee.engine.race(sessions, feeds, { rounds, warmup: 1 })).map(median);
}

async function timeOriginal({ engine, original }: Referee, feeds: Feeds): Promise<number> {
  const [times = []] = await engine.race([original], feeds, { rounds: 10, warmup: 2 });
  return median(times);
}

function shapesOf(feeds: Feeds): string {
  return Object.entries(feeds)
    .map(([name, { shape }]) => `${name}[${shape}]`)
    .join();
}

function lazily<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= work());
}
