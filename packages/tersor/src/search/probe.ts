import { branchPath, type Graph, makeNode, type Node, type ValueInfo, type WeightId } from '../core/graph.ts';
import type { Layer } from '../core/layers.ts';
import { type Model, withGraph } from '../core/model.ts';

/** The first opset whose operators round activations as integer products do. */
const LEAST_OPSET = 11;

/** A model whose layers' weights are inputs of the graph: one session, any number of what-if questions. */
export interface Probe {
  readonly model: Model;
  /** The graph input that stands for each weight. */
  readonly inputs: ReadonlyMap<WeightId, string>;
  /** The graph input, a truth value, that has a layer's activations rounded to 8 bits, as integer products round them. */
  readonly switches: ReadonlyMap<WeightId, string>;
}

/**
 * Turns the weights of `layers` from initializers into graph inputs, and gives those in `rounded` a switch. A weight of a branch becomes an input of
 * the root graph, for a branch has none of its own, and reaches the branch through an Identity; so does a second name of a tied weight.
 * Graphs of older opsets than 11 cannot round: they get no switches, and what rounding activations loses is left to the proof.
 */
export function probeOf(model: Model, layers: readonly Layer[], rounded: ReadonlySet<WeightId> = new Set()): Probe {
  if (!model.graph) return { model, inputs: new Map(), switches: new Map() };
  const inputs = new Map<WeightId, string>();
  const canRound = (model.graph.opsets.get('') ?? 0) >= LEAST_OPSET;
  const switches = new Map(layers.flatMap(({ weight: { id } }) => (canRound && rounded.has(id) ? [[id, `rounded:${id}`] as const] : [])));
  const roundedAt = new Map<Node, string>();
  for (const { weight, uses } of layers) {
    const name = switches.get(weight.id);
    for (const { node, input } of uses) if (name !== undefined && input === 1) roundedAt.set(node, name);
  }
  const ids = new Set(layers.map(({ weight }) => weight.id));
  const graph = release(model.graph, '', { ids, inputs, roundedAt });
  const known = new Set(graph.inputs.map((input) => input.name));
  const added = [...inputs].filter(([, name]) => !known.has(name)).map(([id, name]) => inputOf(model, id, name));
  const flags = [...switches.values()].map((name): ValueInfo => ({ name, dtype: 'bool', shape: [] }));
  return { model: withGraph(model, { ...graph, inputs: [...graph.inputs, ...added, ...flags] }), inputs, switches };
}

interface Releasing {
  readonly ids: ReadonlySet<WeightId>;
  readonly inputs: Map<WeightId, string>;
  /** The switch of the operators whose first input it rounds. */
  readonly roundedAt: ReadonlyMap<Node, string>;
}

function release(graph: Graph, path: string, work: Releasing): Graph {
  const { ids, inputs, roundedAt } = work;
  const aliases: Node[] = [];
  const initializers = new Map<string, WeightId>();
  for (const [name, id] of graph.initializers) {
    if (!ids.has(id)) {
      initializers.set(name, id);
      continue;
    }
    const input = inputs.get(id) ?? (path === '' ? name : `weight:${id}`);
    inputs.set(id, input);
    if (input !== name) aliases.push(makeNode('Identity', [input], [name]));
  }
  const rounded = new Map<string, string>();
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const graphs = new Map([...node.graphs].map(([name, inner]) => [name, release(inner, branchPath(path, node, name), work)]));
    const flag = roundedAt.get(node);
    const whole = { ...node, graphs };
    return flag === undefined ? [whole] : switchable(whole, flag, rounded);
  });
  return { ...graph, nodes: [...aliases, ...nodes], initializers };
}

/** The operator, reading its first input rounded where `flag` is true. What several operators read is rounded once. */
function switchable(node: Node, flag: string, rounded: Map<string, string>): Node[] {
  const [value = '', ...rest] = node.inputs;
  const before: Node[] = [];
  let coarse = rounded.get(value);
  if (coarse === undefined) {
    coarse = `${value}:rounded`;
    rounded.set(value, coarse);
    const parts = ['codes', 'scale', 'zero'].map((part) => `${value}:${part}`);
    before.push(makeNode('DynamicQuantizeLinear', [value], parts), makeNode('DequantizeLinear', parts, [coarse]));
  }
  const chosen = `${flag}:${node.outputs[0] ?? node.name}`;
  return [...before, makeNode('Where', [flag, coarse, value], [chosen]), { ...node, inputs: [chosen, ...rest] }];
}

function inputOf(model: Model, id: WeightId, name: string): ValueInfo {
  const weight = model.weights.get(id);
  return { name, ...(weight && { dtype: weight.dtype, shape: weight.shape }) };
}
