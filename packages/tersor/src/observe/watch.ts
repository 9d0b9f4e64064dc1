import type { Fold, Folded } from '../core/engine.ts';
import { merge } from '../core/fold.ts';
import { mapGraphs } from '../core/graph.ts';
import { removeDead } from '../core/graph-edit/remove-dead.ts';
import type { Scope } from '../core/graph-edit/scope.ts';
import { type Model, withGraph } from '../core/model.ts';
import type { Observation, StatisticId, Statistics } from '../core/observation.ts';
import { stateLinks } from '../core/state-links.ts';
import { takenNames } from '../core/taken-names.ts';
import { expose } from './expose.ts';
import type { Matrix } from './matrix.ts';
import { type Place, placesIn } from './place.ts';
import type { Sight } from './sight.ts';
import type { Seen, Watch } from './statistic.ts';
import { STATISTICS } from './statistics/statistics.ts';

/** An observation and all places where it can be made. */
export interface Sighted<S extends StatisticId = StatisticId> {
  readonly observation: Observation<S>;
  readonly sights: readonly Sight[];
}

/** A model that gives statistics of its values and nothing else, but for its state. */
export interface Watched {
  readonly model: Model;
  readonly folds: readonly Fold[];
  /** What runs showed, from what was folded; undefined where none came by. */
  read<S extends StatisticId>(sighted: Sighted<S>, folded: ReadonlyMap<Fold, Folded>): Statistics[S] | undefined;
}

interface Asked {
  readonly sight: Sight;
  readonly statistics: Set<StatisticId>;
}

/**
 * Adds to the graph what observations need; what several ask for is looked at once. Expects unique names (`withUniqueNames`). Reads no weight.
 * @param scopes  see `scopesOf`
 */
export function watch(model: Model, scopes: ReadonlyMap<string, Scope>, observations: readonly Sighted[]): Watched {
  if (!model.graph) return { model, folds: [], read: () => undefined };
  const asked = askedOf(observations);
  const watches = new Map<string, { readonly path: string; readonly list: readonly Watch[] }>();
  const taken = takenNames(model.graph);
  const graph = mapGraphs(model.graph, (inner, path) => {
    const scope = scopes.get(path);
    if (!scope) return inner;
    const places = placesIn(path, scope, taken);
    for (const { sight, statistics } of asked.filter((each) => each.sight.path === path)) {
      const place = places.open();
      const seen = once(sight.look(place));
      for (const statistic of statistics) watches.set(idOf(sight, statistic), { path, list: watchedBy(statistic, seen, place) });
    }
    return places.close(inner);
  });
  const kept = new Set(stateLinks(graph.inputs, graph.outputs).map(({ output }) => output));
  const state = graph.outputs.filter(({ name }) => kept.has(name));
  const ids = [...watches.values()].flatMap(({ path, list }) => list.map(({ value }) => path + value));
  const exposed = expose(withGraph(model, { ...graph, outputs: state }), new Set(ids));

  const folds = new Map<string, Fold>();
  const foldsOf = (path: string, list: readonly Watch[]) =>
    list.map(({ value, ...how }) => {
      const output = exposed.outputs.get(path + value);
      const key = JSON.stringify([output, how]);
      const fold = folds.get(key) ?? (output === undefined ? undefined : { output, ...how });
      if (fold) folds.set(key, fold);
      return fold;
    });
  const byId = new Map([...watches].map(([id, { path, list }]) => [id, foldsOf(path, list)]));
  return {
    model: exposed.model.graph ? withGraph(exposed.model, removeDead(exposed.model.graph)) : exposed.model,
    folds: [...folds.values()],
    read({ observation: { statistic }, sights }, folded) {
      const { read, reorder } = STATISTICS[statistic];
      const found = sights.flatMap((sight) => {
        const list = (byId.get(idOf(sight, statistic)) ?? []).map((fold) => ({ fold, folded: fold && folded.get(fold) }));
        return list.length > 0 && list.every((each) => each.folded) ? [list] : [];
      });
      const [first, ...others] = found;
      if (!first) return undefined;
      const merged = first.map(({ fold, folded: own = new Float64Array() }, i) =>
        others.reduce((sum, other) => (fold ? merge(fold.how, sum, other[i]?.folded ?? sum) : sum), own),
      );
      const result = read(merged, sights[0]?.groups ?? 1);
      const order = sights[0]?.order;
      return order && reorder ? reorder(result, order) : result;
    },
  };
}

/** In the order of computation; each sight once, with all that is asked of it. */
function askedOf(observations: readonly Sighted[]): readonly Asked[] {
  const asked = new Map<string, Asked>();
  for (const { observation, sights } of observations) {
    for (const sight of sights) {
      const key = sight.path + sight.key;
      const before = asked.get(key) ?? { sight, statistics: new Set() };
      before.statistics.add(observation.statistic);
      asked.set(key, before);
    }
  }
  return [...asked.values()].sort((a, b) => a.sight.position - b.sight.position);
}

function once(seen: Seen): Seen {
  let matrix: Matrix | undefined;
  return {
    ...seen,
    matrix: () => {
      matrix ??= seen.matrix();
      return matrix;
    },
  };
}

/** Values that the graph has, or only sees, go out under a name of their own. */
function watchedBy(statistic: StatisticId, seen: Seen, place: Place): Watch[] {
  const watches = STATISTICS[statistic].watch(seen, place);
  return watches.map((each) => (each.value === seen.value ? { ...each, value: place.add('Identity', [each.value]) } : each));
}

function idOf({ path, key }: Sight, statistic: StatisticId): string {
  return JSON.stringify([path, key, statistic]);
}
