import { type Attribute, type Graph, makeNode, type Node } from '../core/graph.ts';
import { freshName } from '../core/graph-edit/names.ts';
import type { Scope } from '../core/graph-edit/scope.ts';
import type { DenseTensor } from '../core/tensor.ts';

type Plain = Parameters<typeof makeNode>[3];

/** A graph that is being looked into: nodes are added to it, and say in what name they give. */
export interface Place {
  readonly path: string;
  readonly scope: Scope;
  /** Names of outputs that a node has and nobody reads are made up here. @returns the name of output `index` of `node` */
  outputOf(node: Node, index: number): string;
  add(op: string, inputs: readonly string[], plain?: Plain): string;
  /** Adds what `make` makes with the name of its output. */
  node(make: (output: string) => Node): string;
  constant(tensor: DenseTensor): string;
  /** A constant list. */
  integers(values: readonly number[]): string;
  /** Reduces axes away. Where operator sets before `since` had them as an attribute, they are one. */
  reduce(op: Reduction, value: string, axes: readonly number[]): string;
  unsqueeze(value: string, axes: readonly number[]): string;
  slice(value: string, start: number, end: number, axis: number): string;
  /** @param shape  0 keeps the axis, -1 takes what is left */
  reshape(value: string, shape: readonly number[]): string;
}

export type Reduction = 'ReduceMin' | 'ReduceMax' | 'ReduceSum' | 'ReduceSumSquare';

/** Since when axes are an input. */
const AXES_ARE_INPUT = { ReduceSum: 13, ReduceMin: 18, ReduceMax: 18, ReduceSumSquare: 18, Unsqueeze: 13 } as const;
const SLICE_TAKES_INPUTS = 10;

/** Places of one graph, each of which keeps what it adds for itself. */
export function placesIn(path: string, scope: Scope, taken: Map<string, number>) {
  /** Outputs that nodes of the graph get. */
  const named = new Map<Node, string[]>();
  const groups: Node[][] = [];

  const open = (): Place => {
    const nodes: Node[] = [];
    groups.push(nodes);
    const fresh = () => freshName(taken, 'observed');
    const node: Place['node'] = (make) => {
      const name = fresh();
      nodes.push(make(name));
      return name;
    };
    const add: Place['add'] = (op, inputs, plain = {}) => node((name) => makeNode(op, inputs, [name], plain));
    const constant: Place['constant'] = (tensor) => {
      const value: Attribute = { kind: 'tensor', value: tensor };
      return node((name) => ({ ...makeNode('Constant', [], [name]), attributes: new Map([['value', value]]) }));
    };
    const integers: Place['integers'] = (values) => constant(listOf(values));
    const withAxes = (op: keyof typeof AXES_ARE_INPUT, value: string, axes: readonly number[], plain: Plain = {}) =>
      scope.opset >= AXES_ARE_INPUT[op] ? add(op, [value, integers(axes)], plain) : add(op, [value], { ...plain, axes });
    return {
      path,
      scope,
      add,
      node,
      constant,
      integers,
      outputOf(node, index) {
        const outputs = named.get(node) ?? [...node.outputs];
        named.set(node, outputs);
        while (outputs.length <= index) outputs.push('');
        if (outputs[index] === '') outputs[index] = fresh();
        return outputs[index] ?? '';
      },
      reduce: (op, value, axes) => withAxes(op, value, axes, { keepdims: 0 }),
      unsqueeze: (value, axes) => withAxes('Unsqueeze', value, axes),
      slice(value, start, end, axis) {
        if (scope.opset < SLICE_TAKES_INPUTS) return add('Slice', [value], { starts: [start], ends: [end], axes: [axis] });
        return add('Slice', [value, ...[start, end, axis].map((number) => integers([number]))]);
      },
      reshape: (value, shape) => add('Reshape', [value, integers(shape)]),
    };
  };

  /**
   * The graph with all that was added. It stands at the end, what was opened last first: onnxruntime computes what nobody reads in reverse, so that each
   * is looked at as soon as it is there, and memory is given back.
   */
  const close = (graph: Graph): Graph => {
    if (groups.length === 0) return graph;
    const nodes = graph.nodes.map((node) => {
      const outputs = named.get(node);
      return outputs ? { ...node, outputs } : node;
    });
    return { ...graph, nodes: [...nodes, ...groups.reverse().flat()] };
  };
  return { open, close };
}

function listOf(values: readonly number[]): DenseTensor {
  return { kind: 'dense', dtype: 'i64', shape: [values.length], bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) };
}
