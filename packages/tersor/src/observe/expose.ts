import { type Attribute, branchPath, type Graph, makeNode, type Node, type ValueInfo } from '../core/graph.ts';
import { freshName } from '../core/graph-edit/names.ts';
import { inferTypes, type Types } from '../core/infer-types.ts';
import { type Model, withGraph } from '../core/model.ts';
import type { ValueId } from '../core/observation.ts';
import { takenNames } from '../core/taken-names.ts';

export interface Exposed {
  readonly model: Model;
  /** The output of the model that gives each value; values that cannot be brought out are missing. */
  readonly outputs: ReadonlyMap<ValueId, string>;
}

/** A value on its way out of a body. */
interface Carried {
  readonly id: ValueId;
  /** In the graph that carries it at the moment. */
  readonly name: string;
  readonly dtype: ValueInfo['dtype'];
}

/**
 * The model with values of any of its graphs as further outputs. Out of a branch that is not taken comes nothing (shape [0]); out of the body of a
 * Loop or Scan come all iterations, stacked along a new first axis. Expects unique names (`withUniqueNames`). Reads no weight.
 */
export function expose(model: Model, ids: ReadonlySet<ValueId>): Exposed {
  if (!model.graph) return { model, outputs: new Map() };
  const context = { ids, types: inferTypes(model.graph, model.weights), taken: takenNames(model.graph) };
  const { graph, carried } = carryOut(model.graph, '', context);
  const known = new Set(graph.outputs.map(({ name }) => name));
  const added = carried.filter(({ name }) => !known.has(name) && known.add(name));
  const outputs = [...graph.outputs, ...added.map(infoOf)];
  return { model: withGraph(model, { ...graph, outputs }), outputs: new Map(carried.map(({ id, name }) => [id, name])) };
}

interface Context {
  readonly ids: ReadonlySet<ValueId>;
  readonly types: Types;
  readonly taken: Map<string, number>;
}

/** The graph with what its bodies give brought into it, and all that is wanted of it and them by names that it knows. */
function carryOut(graph: Graph, path: string, context: Context): { readonly graph: Graph; readonly carried: readonly Carried[] } {
  const scope = context.types.get(graph);
  const carried: Carried[] = [];
  const nodes = graph.nodes.map((node) => {
    const { node: open, carried: inside } = node.graphs.size > 0 ? openBodies(node, path, context) : { node, carried: [] };
    carried.push(...inside);
    for (const name of node.outputs) {
      if (name !== '' && context.ids.has(path + name)) carried.push({ id: path + name, name, dtype: scope?.typeOf(name) });
    }
    return open;
  });
  return { graph: carried.length > 0 ? { ...graph, nodes } : graph, carried };
}

function openBodies(node: Node, path: string, context: Context): { readonly node: Node; readonly carried: readonly Carried[] } {
  const bodies = [...node.graphs].map(([key, body]) => ({ key, ...carryOut(body, branchPath(path, node, key), context) }));
  const wanted = bodies.flatMap(({ key, carried }) => carried.map((value) => ({ key, value }))).filter(({ value }) => value.dtype);
  if (wanted.length === 0 || !['If', 'Loop', 'Scan'].includes(node.op)) return { node, carried: [] };
  const carried = wanted.map(({ value }) => ({ ...value, name: freshName(context.taken, `${value.name}_out`) }));
  const graphs = new Map(
    bodies.map(({ key, graph }) => {
      const stand = wanted.map(({ key: from, value }) => (from === key ? outputOf(value, context) : nothingFor(value, context)));
      const nodes = [...graph.nodes, ...stand.map(({ node: extra }) => extra)];
      return [key, { ...graph, nodes, outputs: [...graph.outputs, ...stand.map(({ info }) => info)] }];
    }),
  );
  const roomy = withRoom(node, carried.length);
  return { node: { ...roomy, outputs: [...roomy.outputs, ...carried.map(({ name }) => name)], graphs }, carried };
}

interface Standing {
  readonly node: Node;
  readonly info: ValueInfo;
}

/** A body may not give one value twice, nor one that it only sees: it gives a copy. */
function outputOf({ name, dtype }: Carried, { taken }: Context): Standing {
  const copy = freshName(taken, `${name}_copy`);
  return { node: makeNode('Identity', [name], [copy]), info: { name: copy, ...(dtype && { dtype }) } };
}

/** What a branch gives for a value of the other one: nothing, of its type. */
function nothingFor({ name, dtype }: Carried, { taken }: Context): Standing {
  const empty = freshName(taken, `${name}_none`);
  const value: Attribute = {
    kind: 'tensor',
    value: { kind: 'dense', dtype: dtype === undefined || dtype === 'string' ? 'f32' : dtype, shape: [0], bytes: new Uint8Array(0) },
  };
  return {
    node: { ...makeNode('Constant', [], [empty]), attributes: new Map([['value', value]]) },
    info: { name: empty, ...(dtype && { dtype }) },
  };
}

/** Outputs at the end that nobody wanted are named all the same: what is added comes behind them. Lists that count Scan's outputs go on. */
function withRoom(node: Node, more: number): Node {
  const [body] = node.graphs.values();
  const given = (body?.outputs.length ?? 0) - (node.op === 'Loop' ? 1 : 0);
  const outputs = [...node.outputs, ...new Array<string>(Math.max(0, given - node.outputs.length)).fill('')];
  const attributes = new Map(node.attributes);
  for (const name of ['scan_output_axes', 'scan_output_directions']) {
    const list = attributes.get(name);
    if (list?.kind === 'ints') attributes.set(name, { ...list, value: [...list.value, ...new Array<bigint>(more).fill(0n)] });
  }
  return { ...node, outputs, attributes };
}

function infoOf({ name, dtype }: Carried): ValueInfo {
  return { name, ...(dtype && { dtype }) };
}
