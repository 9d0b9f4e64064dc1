import { integersIn, type Known, knownOf } from '../evaluate-small/known.ts';
import { findLayers } from '../find-layers.ts';
import { eachGraph, type Graph, type Node } from '../graph.ts';
import { readSmall, type Scope } from '../graph-edit/scope.ts';
import { scopesOf } from '../graph-edit/scopes-of.ts';
import { producersOf, readBy } from '../graph-edit/uses.ts';
import type { Layer, Use } from '../layers.ts';
import type { Model, Weight } from '../model.ts';
import type { Sizes } from './lanes.ts';

/** A graph that groups are looked for in. */
export interface Survey {
  /** Of the graph; ids of its weights start with it. */
  readonly path: string;
  readonly graph: Graph;
  readonly opset: number;
  readonly makers: ReadonlyMap<string, Node>;
  readonly readers: ReadonlyMap<string, readonly Node[]>;
  /** Why a value is not free to be scaled, whatever computes it: it is an output, or read in a branch. */
  readonly fixed: ReadonlyMap<string, string>;
  sizes(name: string): Sizes | undefined;
  /** The weight behind a name. */
  constant(name: string): Weight | undefined;
  /** A small constant as integers. */
  integers(name: string): readonly number[] | undefined;
  /** Whether a small constant is one, everywhere. */
  isOne(name: string): boolean;
  /** A constant of a single element. */
  number(name: string): number | undefined;
  /** The layer whose weight an operator takes there. */
  layerAt(node: Node, input: number): { readonly layer: Layer; readonly use: Use } | undefined;
}

/**
 * Every graph of a model, branches too. Expects unique names (`withUniqueNames`). Reads small constants.
 * @param floats  whether vectors of floats are among them
 */
export async function surveyOf(model: Model, floats = false): Promise<Survey[]> {
  if (!model.graph) return [];
  const scopes = await scopesOf(model);
  const layers = new Map<Node, { readonly layer: Layer; readonly use: Use }[]>();
  for (const layer of await findLayers(model)) {
    for (const use of layer.uses) layers.set(use.node, [...(layers.get(use.node) ?? []), { layer, use }]);
  }
  const surveys: Survey[] = [];
  for (const { graph, path } of eachGraph(model.graph)) {
    const scope = scopes.get(path);
    if (scope) surveys.push(await survey(graph, path, scope, layers, floats));
  }
  return surveys;
}

async function survey(
  graph: Graph,
  path: string,
  scope: Scope,
  layers: ReadonlyMap<Node, readonly { readonly layer: Layer; readonly use: Use }[]>,
  floats: boolean,
): Promise<Survey> {
  const readers = new Map<string, Node[]>();
  const fixed = new Map(graph.outputs.map(({ name }) => [name, 'is an output of its graph']));
  const small = new Map<string, Known>();
  for (const node of graph.nodes) {
    for (const name of new Set(node.inputs)) readers.set(name, [...(readers.get(name) ?? []), node]);
    for (const body of node.graphs.values()) {
      for (const inner of body.nodes) for (const name of readBy(inner)) fixed.set(name, 'is read in a branch');
      for (const { name } of body.outputs) fixed.set(name, 'is read in a branch');
    }
    for (const name of node.inputs) {
      const tensor =
        small.has(name) || !(isNumbers(scope.constant(name)) || (floats && scope.constant(name)?.shape.length === 1))
          ? undefined
          : await readSmall(scope.constant(name));
      const known = tensor && knownOf(tensor);
      if (known) small.set(name, known);
    }
  }
  return {
    path,
    graph,
    opset: scope.opset,
    makers: producersOf(graph),
    readers,
    fixed,
    sizes: (name) => scope.type(name)?.shape?.map((size) => (typeof size === 'number' ? size : undefined)),
    constant: (name) => scope.constant(name),
    integers: (name) => (small.has(name) ? integersIn(small.get(name)) : undefined),
    isOne: (name) => small.get(name)?.values.every((value) => value === 1) === true,
    number: (name) => (small.get(name)?.values.length === 1 ? Number(small.get(name)?.values[0]) : undefined),
    layerAt: (node, input) => layers.get(node)?.find(({ use }) => use.input === input),
  };
}

/** Lists of axes and sizes, and single numbers. */
function isNumbers(weight: Weight | undefined): boolean {
  if (!weight) return false;
  const count = weight.shape.reduce((product, size) => product * size, 1);
  return count === 1 || (count <= 64 && (weight.dtype === 'i64' || weight.dtype === 'i32'));
}
