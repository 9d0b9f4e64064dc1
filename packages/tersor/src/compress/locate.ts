import type { Engine, Feeds, Session } from '../core/engine.ts';
import type { Format, Target } from '../core/format.ts';
import { withUniqueNames } from '../core/graph-edit/names.ts';
import type { Kernels } from '../core/kernels.ts';
import { type Model, withGraph } from '../core/model.ts';
import type { ValueId } from '../core/observation.ts';
import type { DivergenceReport } from '../core/report.ts';
import { type Apart, apart } from '../evaluate/apart.ts';
import { firstApart } from '../observe/bisect.ts';
import { expose } from '../observe/expose.ts';
import { lineageOf, narrowed } from '../observe/lineage.ts';
import { openTemporarily } from './open-temporarily.ts';

/** A model on a runtime. */
export interface Side {
  /** What it is, for people: "the original on onnxruntime-node 1.30.0". */
  readonly name: string;
  readonly engine: Engine;
  /** The model as it is, loaded there. */
  readonly session: Session;
  readonly model: Model;
}

/** Inputs on which two sides may differ. */
export interface Trial {
  /** For people: a sample, and the step of its sequence. */
  readonly about: string;
  readonly feeds: Feeds;
}

export interface Surroundings {
  readonly format: Format;
  readonly target: Target;
  readonly kernels: Kernels;
  readonly signal?: AbortSignal;
}

/** Trials that are looked at for the one with the largest difference. */
const MAX_TRIALS = 16;

/** Values that are fetched at once, and what they may take together. */
const MAX_VALUES = 24;
const MAX_BYTES = 128_000_000;

/** Of the error that is found in the end, the part from which on a value before it counts as wrong. Roundings grow on their way; a wrong operator jumps. */
const SHARE = { models: 0.5, runtimes: 0.1 } as const;
/** Two runtimes that compute the same file never differ by more than this without something being wrong, however much the outputs do. */
const MOST_BETWEEN_RUNTIMES = 0.01;

/**
 * The first operator of `b` that computes something else than in `a`, found by bisecting over the values that both have by one name; undefined when the
 * outputs agree on all trials. Both are loaded a few times, with some of their values as outputs.
 *
 * @param least  outputs that are less apart than this, see `Apart`, agree
 */
export async function locate(
  a: Side,
  b: Side,
  trials: AsyncIterable<Trial>,
  least: number,
  around: Surroundings,
): Promise<DivergenceReport | undefined> {
  const worst = await worstOf(a, b, trials, least);
  if (!worst) return undefined;
  const [first, second] = [unique(a.model), unique(b.model)];
  if (!first.graph || !second.graph) return undefined;
  const known = new Set(lineageOf(first.graph).order);
  const lineage = lineageOf(second.graph);
  const { order, parents } = narrowed(lineage, new Set(lineage.order.filter((id) => known.has(id))));
  if (!parents.has(worst.output)) return undefined;

  const limit = worst.apart.error * (a.model === b.model ? SHARE.runtimes : SHARE.models);
  const tolerance = a.model === b.model ? Math.min(limit, MOST_BETWEEN_RUNTIMES) : Math.min(limit, Number.MAX_VALUE);
  let largest = 0;
  const measure = async (ids: readonly ValueId[]) => {
    around.signal?.throwIfAborted();
    const expected = await valuesOf(a.engine, first, ids, worst.trial.feeds, around);
    const found = await valuesOf(b.engine, second, ids, worst.trial.feeds, around);
    largest = Math.max(largest, ...[...expected.values()].map(({ data }) => data.length * 8));
    return new Map(ids.flatMap((id) => (expected.has(id) && found.has(id) ? [[id, apart(expected.get(id), found.get(id))] as const] : [])));
  };
  const cause = await firstApart(
    {
      order,
      parents,
      measure,
      isFar: ({ error }) => error > tolerance,
      most: () => Math.min(MAX_VALUES, Math.floor(MAX_BYTES / Math.max(1, largest))),
    },
    worst.output,
    worst.apart,
  );
  const maker = lineage.makers.get(cause.id);
  if (!maker) return undefined;
  const { reason, error } = cause.apart;
  return {
    between: [a.name, b.name],
    node: maker.path + (maker.node.name || (maker.node.outputs[0] ?? '')),
    op: maker.node.op,
    value: cause.id,
    reason,
    ...(reason === 'error' && { error }),
    errorBefore: Math.max(0, ...cause.before.map((before) => before.error)),
    sample: worst.trial.about,
    compared: cause.measured,
    certain: cause.stands,
  };
}

interface Worst {
  readonly trial: Trial;
  readonly output: string;
  readonly apart: Apart;
}

/** The output that is furthest off, and on what; the first that is not finite or of another shape is enough. */
async function worstOf(a: Side, b: Side, trials: AsyncIterable<Trial>, least: number): Promise<Worst | undefined> {
  let worst: Worst | undefined;
  let seen = 0;
  for await (const trial of trials) {
    const [expected, found] = [await a.session.run(trial.feeds), await b.session.run(trial.feeds)];
    for (const { name } of a.session.outputs) {
      const distance = apart(expected[name], found[name]);
      if (distance.error > Math.max(least, worst?.apart.error ?? 0)) worst = { trial, output: name, apart: distance };
    }
    if (worst?.apart.error === Number.POSITIVE_INFINITY || ++seen >= MAX_TRIALS) break;
  }
  return worst;
}

function unique(model: Model): Model {
  return model.graph ? withGraph(model, withUniqueNames(model.graph)) : model;
}

async function valuesOf(engine: Engine, model: Model, ids: readonly ValueId[], feeds: Feeds, around: Surroundings) {
  const exposed = expose(model, new Set(ids));
  const wanted = ids.flatMap((id) => exposed.outputs.get(id) ?? []);
  const { session, close } = await openTemporarily(engine, exposed.model, around);
  try {
    const outputs = await session.run(feeds, [...new Set(wanted)]);
    return new Map(
      ids.flatMap((id) => {
        const value = outputs[exposed.outputs.get(id) ?? ''];
        return value ? [[id, value] as const] : [];
      }),
    );
  } finally {
    await close();
  }
}
