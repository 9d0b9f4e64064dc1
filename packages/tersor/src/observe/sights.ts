import { isFloat } from '../core/dtype.ts';
import { findLayers } from '../core/find-layers.ts';
import { eachGraph, type Graph, type Node, stringAttribute } from '../core/graph.ts';
import { definedIn } from '../core/graph-edit/names.ts';
import type { Scope } from '../core/graph-edit/scope.ts';
import type { Layer, LayerKind, Use } from '../core/layers.ts';
import type { Model } from '../core/model.ts';
import type { Observation, Subject } from '../core/observation.ts';
import type { Seeing, Sight, Working } from './sight.ts';
import { convInput } from './subjects/conv.ts';
import { lookups } from './subjects/embedding.ts';
import { linearInput } from './subjects/linear.ts';
import { recurrentInput } from './subjects/recurrent.ts';
import { valueItself } from './subjects/value.ts';

const INPUTS: { readonly [K in LayerKind]: (working: Working) => Seeing } = {
  linear: linearInput,
  conv: convInput,
  recurrent: recurrentInput,
  embedding: lookups,
};

/** Where an observation can be made: one place for each use of a layer's weight. A text says why it cannot. */
export type Finder = (observation: Observation) => readonly Sight[] | string;

type Found = Pick<Sight, 'looksUp'> & { readonly seen: Sight | string };

interface Standing {
  readonly path: string;
  readonly position: number;
}

/**
 * Expects unique names. Reads no weight but small constants.
 * @param scopes  see `scopesOf`
 */
export async function findSights(model: Model, scopes: ReadonlyMap<string, Scope>): Promise<Finder> {
  const { graph } = model;
  if (!graph) return () => 'the model has no graph';
  const layers = new Map((await findLayers(model)).map((layer) => [layer.weight.id, layer]));
  const nodes = new Map<Node, Standing>();
  for (const { graph: inner, path } of eachGraph(graph))
    for (const [position, node] of inner.nodes.entries()) nodes.set(node, { path, position });
  const makers = makersOf(graph);

  const inputOf = (layer: Layer, use: Use): Sight | string => {
    const { node, axes = [] } = use;
    const at = nodes.get(node);
    const scope = at && scopes.get(at.path);
    if (!at || !scope) return 'its operator is in no graph';
    if (use.outputAxes.join() !== layer.outputAxes.join()) return 'it is used in two ways';
    if (!use.axes && !canBeMoved(use)) return 'the weight is reshaped before it is used';
    const shape = axes.map((axis) => layer.weight.shape[axis] ?? 1);
    const sizesOf = (name: string) => scope.type(name)?.shape?.map((size) => (typeof size === 'number' ? size : undefined));
    const seeing = INPUTS[use.kind]({ layer, use, node, shape, axes, sizesOf });
    return typeof seeing === 'string' ? seeing : { ...seeing, ...at, looksUp: use.kind === 'embedding' };
  };

  const find = (subject: Subject): readonly Found[] => {
    if (subject.of === 'input')
      return (layers.get(subject.layer)?.uses ?? []).map((use) => ({
        looksUp: use.kind === 'embedding',
        seen: inputOf(layers.get(subject.layer)!, use),
      }));
    const at = makers.get(subject.id);
    if (!at) return [{ looksUp: false, seen: 'no graph has this value' }];
    const name = subject.id.slice(at.path.length);
    const dtype = scopes.get(at.path)?.type(name)?.dtype;
    const seeing = dtype === undefined || dtype === 'string' || !isFloat(dtype) ? 'it is not of floats' : valueItself(name, subject.axis);
    return [{ looksUp: false, seen: typeof seeing === 'string' ? seeing : { ...seeing, ...at, looksUp: false } }];
  };

  return ({ subject, statistic }) => {
    const found = find(subject).filter(({ looksUp }) => looksUp === (statistic === 'tokens'));
    if (found.length === 0) return statistic === 'tokens' ? 'no rows are looked up in it' : 'no operator multiplies by it';
    const sights: Sight[] = [];
    for (const { seen } of found) {
      if (typeof seen === 'string') return seen;
      const [first = seen] = sights;
      if (seen.groups !== first.groups || seen.columns !== first.columns || String(seen.order) !== String(first.order))
        return 'its operators see it in different ways';
      sights.push(seen);
    }
    return sights;
  };
}

/** Whether what is seen of the inputs is the same wherever rows of the weight have come to be. Those of two directions see different states. */
function canBeMoved({ kind, node, wholeRows }: Use): boolean {
  return kind === 'embedding' || (kind === 'recurrent' && wholeRows && stringAttribute(node, 'direction', 'forward') !== 'bidirectional');
}

/** Where each value comes to be: with its graph, or at a node. */
function makersOf(root: Graph): Map<string, Standing> {
  const makers = new Map<string, Standing>();
  for (const { graph, path } of eachGraph(root)) {
    for (const name of definedIn(graph)) makers.set(path + name, { path, position: 0 });
    for (const [position, node] of graph.nodes.entries()) for (const name of node.outputs) makers.set(path + name, { path, position });
  }
  return makers;
}
