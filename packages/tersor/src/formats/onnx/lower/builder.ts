import { type DType, denseBytes, type Shape } from '../../../core/dtype.ts';
import { eachGraph, type Graph, makeNode, type Node, type WeightId } from '../../../core/graph.ts';
import type { Weight } from '../../../core/model.ts';

/** What lowering adds to a model: names that nobody uses, and constants that many weights share, declared once in the outermost graph. */
export interface Builder {
  /** Of ai.onnx. */
  readonly opset: number;
  /** A short name: every mention of it costs its bytes. */
  name(): string;
  /** An id for a weight: `base`, or `base` with more behind it. */
  id(base: string): WeightId;
  constant(dtype: DType, shape: Shape, bytes: Uint8Array): string;
  integers(values: readonly number[]): string;
  /** A shared constant as another type. */
  cast(constant: string, to: DType): string;
  /** Adds what is shared to the outermost graph. */
  finish(root: Graph): { readonly graph: Graph; readonly weights: ReadonlyMap<WeightId, Weight> };
}

/** Whether a name is one that `Builder.name` makes up: then nothing is called so. */
export function isMadeUp(name: string): boolean {
  return /^_[0-9a-z]+$/.test(name);
}

export function openBuilder(root: Graph, ids: Iterable<WeightId>): Builder {
  const taken = mentionedIn(root);
  const takenIds = new Set(ids);
  const shared = new Map<string, string>();
  const initializers = new Map<string, WeightId>();
  const weights = new Map<WeightId, Weight>();
  const nodes: Node[] = [];
  let count = 0;

  const name = () => {
    let fresh: string;
    do fresh = `_${(count++).toString(36)}`;
    while (taken.has(fresh));
    return fresh;
  };

  const id = (base: string) => {
    let fresh = base;
    while (takenIds.has(fresh)) fresh += '#';
    takenIds.add(fresh);
    return fresh;
  };

  const share = (key: string, declare: (name: string) => void) => {
    const known = shared.get(key);
    if (known !== undefined) return known;
    const fresh = name();
    shared.set(key, fresh);
    declare(fresh);
    return fresh;
  };

  const constant: Builder['constant'] = (dtype, shape, bytes) =>
    share(`${dtype} [${shape}] ${bytes}`, (fresh) => {
      const weight = id(`#${fresh}`);
      initializers.set(fresh, weight);
      weights.set(weight, {
        id: weight,
        shape,
        dtype,
        layout: { kind: 'dense', dtype },
        load: async () => ({ kind: 'dense', dtype, shape, bytes }),
      });
    });

  return {
    opset: root.opsets.get('') ?? root.opsets.get('ai.onnx') ?? 0,
    name,
    id,
    constant,
    integers: (values) => constant('i64', [values.length], new Uint8Array(BigInt64Array.from(values, BigInt).buffer)),
    cast: (value, to) => share(`${value} as ${to}`, (fresh) => nodes.push(plainNode('Cast', [value], fresh, { to: onnxType(to) }))),
    finish: (graph) => ({
      graph: { ...graph, nodes: [...nodes, ...graph.nodes], initializers: new Map([...initializers, ...graph.initializers]) },
      weights,
    }),
  };
}

function mentionedIn(root: Graph): Set<string> {
  const names = new Set<string>();
  for (const { graph } of eachGraph(root)) {
    for (const { name } of [...graph.inputs, ...graph.outputs]) names.add(name);
    for (const name of graph.initializers.keys()) names.add(name);
    for (const node of graph.nodes) for (const name of [...node.inputs, ...node.outputs]) names.add(name);
  }
  return names;
}

/** A chain of operators in the making. */
export interface Chain {
  /** Adds an operator. @returns the name of its result */
  add(op: string, inputs: readonly string[], attributes?: Attributes, domain?: string): string;
  /** The operators so far. */
  nodes(): Node[];
  /** The operators, the last of which computes `output`. */
  end(output: string): Node[];
}

type Attributes = Parameters<typeof makeNode>[3];

export function openChain(builder: Builder): Chain {
  const nodes: Node[] = [];
  return {
    add: (op, inputs, attributes, domain) => {
      const result = builder.name();
      nodes.push(plainNode(op, inputs, result, attributes, domain));
      return result;
    },
    nodes: () => [...nodes],
    end: (output) => nodes.map((node, i) => (i === nodes.length - 1 ? { ...node, outputs: [output] } : node)),
  };
}

/** Bytes that a weight must save before another operator is worth its place in the file. */
const OPERATOR_BYTES = 48;

/** Whether storing `shape` as `narrow` saves more than the operators that widen it cost. */
export function pays(shape: Shape, narrow: DType, wide: DType, operators = 1): boolean {
  return denseBytes(narrow, shape) + operators * OPERATOR_BYTES < denseBytes(wide, shape);
}

/** TensorProto.DataType. */
export function onnxType(dtype: DType): number {
  const types: Partial<Record<DType, number>> = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7, f16: 10, f64: 11, bf16: 16 };
  return types[dtype] ?? 0;
}

/** Without a name of its own: nobody will look for it, and a name costs bytes. */
function plainNode(op: string, inputs: readonly string[], output: string, attributes?: Attributes, domain?: string): Node {
  return { ...makeNode(op, inputs, [output], attributes, domain), name: '' };
}
