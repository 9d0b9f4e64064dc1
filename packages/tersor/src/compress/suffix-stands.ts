import type { Feeds, Session } from '../core/engine.ts';
import type { WeightId } from '../core/graph.ts';
import type { Layer } from '../core/layers.ts';
import type { Model } from '../core/model.ts';
import { expose } from '../observe/expose.ts';
import type { Probe } from '../search/probe.ts';
import { type Suffix, suffixesOf } from '../search/suffix.ts';
import type { Job } from './job.ts';
import type { Referee } from './referee.ts';
import { type Chosen, openStand, type Stand } from './stand.ts';

/** About as many layers lie between the places where a graph is cut. */
const LAYERS_APART = 5;
const MOST_CUTS = 12;

/** The whole model with weights as inputs, and the ends of it that answer for their layers in less time. */
export interface Stands {
  readonly whole: Stand;
  /** What answers soonest what another choice for the layer `id` does to `base`. Quickest when layers come in their order. */
  behind(id: WeightId, base: Chosen): Promise<Stand>;
  close(): Promise<void>;
}

export async function openStands(job: Job, referee: Referee, original: Model, probe: Probe, layers: readonly Layer[]): Promise<Stands> {
  const parts = Math.min(MOST_CUTS, Math.floor(layers.length / LAYERS_APART));
  const suffixes = referee.isStateless ? suffixesOf(probe, layers, parts) : [];
  const outputs = probe.model.graph?.outputs.map(({ name }) => name) ?? [];
  const { model } = expose(probe.model, new Set(suffixes.flatMap(({ crossing }) => crossing)));
  const opened = await openStand(job, referee, original, probe, model);
  const { runSteps, ...session } = opened.session;
  const whole = suffixes.length === 0 ? opened : { ...opened, session: { ...session, run: (feeds: Feeds) => session.run(feeds, outputs) } };

  let current: { readonly suffix: Suffix; readonly base: Chosen; readonly stand: Stand } | undefined;
  const leave = async () => {
    await current?.stand.close();
    current = undefined;
  };
  return {
    whole,
    async behind(id, base) {
      const suffix = suffixes.findLast(({ layers: within }) => within.has(id));
      if (!suffix) return whole;
      if (current?.suffix === suffix && current.base === base) return current.stand;
      await leave();
      const stand = await openStand(job, referee, original, probe, suffix.model);
      // What the operators before the cut give is computed once for all questions about what lies behind it.
      const crossing = (feeds: Feeds) => whole.put(base).then(() => session.run(feeds, suffix.crossing));
      current = { suffix, base, stand: { ...stand, session: fedBehind(stand.session, suffix, crossing) } };
      return current.stand;
    },
    async close() {
      await leave();
      await whole.close();
    },
  };
}

/** The session of a suffix that takes what the whole model takes. What crosses the cut is kept for the feeds that were seen before. */
function fedBehind(session: Session, { inputs }: Suffix, crossing: (feeds: Feeds) => Promise<Feeds>): Session {
  const known: { readonly feeds: Feeds; readonly before: Feeds }[] = [];
  return {
    inputs: session.inputs,
    outputs: session.outputs,
    hold: session.hold,
    close: session.close,
    async run(feeds) {
      let before = known.find((each) => areSame(each.feeds, feeds))?.before;
      if (!before) {
        before = await crossing(feeds);
        known.push({ feeds, before });
      }
      const own = Object.fromEntries(inputs.flatMap((name) => (feeds[name] ? [[name, feeds[name]] as const] : [])));
      return session.run({ ...own, ...before });
    },
  };
}

/** Samples may share some of their values, a constant or a large one. */
function areSame(a: Feeds, b: Feeds): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
