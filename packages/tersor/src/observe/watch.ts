import type { Fold } from '../core/engine.ts';
import { mapGraphs } from '../core/graph.ts';
import { removeDead } from '../core/graph-edit/remove-dead.ts';
import type { Scope } from '../core/graph-edit/scope.ts';
import { type Model, withGraph } from '../core/model.ts';
import type { StatisticId } from '../core/observation.ts';
import { stateLinks } from '../core/state-links.ts';
import { takenNames } from '../core/taken-names.ts';
import { expose } from './expose.ts';
import type { Matrix } from './matrix.ts';
import { type Place, placesIn } from './place.ts';
import type { Sight } from './sight.ts';
import type { Seen, Watch } from './statistic.ts';
import { STATISTICS } from './statistics/statistics.ts';

/** A statistic of one place: what is looked at once, whoever asks for it. */
export interface Look {
  readonly sight: Sight;
  readonly statistic: StatisticId;
}

/** The same for equal looks. */
export function idOf({ sight: { path, key }, statistic }: Look): string {
  return JSON.stringify([path, key, statistic]);
}

/** A model that gives statistics of its values and nothing else, but for its state. */
export interface Watched {
  readonly model: Model;
  /** What is to be folded for each look, by `idOf`; undefined for what cannot be brought out. */
  readonly folds: ReadonlyMap<string, readonly (Fold | undefined)[]>;
}

/**
 * Adds to the graph what looks need, each of which is there once. Expects unique names (`withUniqueNames`). Reads no weight.
 * @param scopes  see `scopesOf`
 */
export function watch(model: Model, scopes: ReadonlyMap<string, Scope>, looks: readonly Look[]): Watched {
  if (!model.graph) return { model, folds: new Map() };
  const watches = new Map<string, { readonly look: Look; readonly list: readonly Watch[] }>();
  const taken = takenNames(model.graph);
  const sights = bySight(looks);
  const graph = mapGraphs(model.graph, (inner, path) => {
    const scope = scopes.get(path);
    if (!scope) return inner;
    const places = placesIn(path, scope, taken);
    const computed = new Set(inner.nodes.flatMap(({ outputs }) => outputs));
    for (const [first, ...others] of sights.filter(([look]) => look.sight.path === path)) {
      const place = places.open();
      const seen = once(first.sight.look(place));
      for (const look of [first, ...others]) watches.set(idOf(look), { look, list: watchedBy(look.statistic, seen, place, computed) });
    }
    return places.close(inner);
  });
  const fedBack = new Set(stateLinks(graph.inputs, graph.outputs).map(({ output }) => output));
  const state = graph.outputs.filter(({ name }) => fedBack.has(name));
  const ids = [...watches.values()].flatMap(({ look, list }) => list.map(({ value }) => look.sight.path + value));
  const { model: exposed, outputs } = expose(withGraph(model, { ...graph, outputs: state }), new Set(ids));
  const folds = [...watches].map(([id, { look, list }]) => {
    const { hows } = STATISTICS[look.statistic];
    const found = list.map(({ value, ...shape }, i): Fold | undefined => {
      const output = outputs.get(look.sight.path + value);
      const how = hows[i];
      return output === undefined || how === undefined ? undefined : { output, how, ...shape };
    });
    return [id, found] as const;
  });
  return { model: exposed.graph ? withGraph(exposed, removeDead(exposed.graph)) : exposed, folds: new Map(folds) };
}

/** In the order of computation, looks at one sight together. */
function bySight(looks: readonly Look[]): (readonly [Look, ...Look[]])[] {
  const groups = new Map<string, [Look, ...Look[]]>();
  for (const look of looks) {
    const key = JSON.stringify([look.sight.path, look.sight.key]);
    const group = groups.get(key);
    if (group) group.push(look);
    else groups.set(key, [look]);
  }
  return [...groups.values()].sort(([a], [b]) => a.sight.position - b.sight.position);
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

/** Values that the graph does not compute but has, or only sees, go out under a name of their own. */
function watchedBy(statistic: StatisticId, seen: Seen, place: Place, computed: ReadonlySet<string>): readonly Watch[] {
  const watches = STATISTICS[statistic].watch(seen, place);
  if (computed.has(seen.value)) return watches;
  return watches.map((each) => (each.value === seen.value ? { ...each, value: place.add('Identity', [each.value]) } : each));
}
