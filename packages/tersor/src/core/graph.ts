import type { DType } from './dtype.ts';
import type { DenseTensor } from './tensor.ts';

/** `branch/name`: unique over all subgraphs of a model. */
export type WeightId = string;

/** A graph of operators in ONNX's terms. Values are referred to by name; a subgraph sees the names of the graphs around it. */
export interface Graph {
  readonly name: string;
  /** In topological order. */
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Types of values in between, where the file states them. */
  readonly values: ReadonlyMap<string, ValueInfo>;
  /** The weights this graph declares, by the name its nodes use. Constant nodes are read as such, too. Two names may share one weight. */
  readonly initializers: ReadonlyMap<string, WeightId>;
  /** Operator set versions by domain (`''` is ai.onnx); a subgraph has its root's. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly doc?: string;
  /** Fields that tersor does not interpret, as encoded in the file. */
  readonly extra?: Uint8Array;
}

export interface Node {
  readonly name: string;
  readonly op: string;
  /** `''` is ai.onnx. */
  readonly domain: string;
  /** `''` stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** Bodies of If, Loop, Scan and their like, by attribute name. */
  readonly graphs: ReadonlyMap<string, Graph>;
  readonly extra?: Uint8Array;
}

export type Attribute = AttributeValue & {
  /** Documentation and fields of later versions, as encoded in the file. */
  readonly extra?: Uint8Array;
};

export type AttributeValue =
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: Uint8Array }
  | { readonly kind: 'ints'; readonly value: readonly bigint[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly Uint8Array[] }
  | { readonly kind: 'tensor'; readonly value: DenseTensor }
  /** Anything else, as encoded in the file: kept, never interpreted. */
  | { readonly kind: 'opaque'; readonly value: Uint8Array };

/** Name and type of a value. `type` is absent where the file does not say, or says something that is not a tensor (see `extra`). */
export interface ValueInfo {
  readonly name: string;
  readonly dtype?: DType | 'string';
  /** A number, a symbol, or undefined for "unknown"; absent when the rank is unknown. */
  readonly shape?: readonly (number | string | undefined)[];
  /** What each axis stands for, where the file says ("DATA_BATCH"); by position, '' where it does not. */
  readonly denotations?: readonly string[];
  /** The type as encoded in the file, when it is not a tensor's (sequence, map, optional, sparse). */
  readonly opaqueType?: Uint8Array;
  readonly doc?: string;
  readonly extra?: Uint8Array;
}

/** The attribute as a number; clamped to ±2^53 - 1, which no axis, count or flag exceeds. */
export function intAttribute(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'int' ? toNumber(attribute.value) : fallback;
}

export function intsAttribute(node: Node, name: string): number[] | undefined {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'ints' ? attribute.value.map(toNumber) : undefined;
}

export function floatAttribute(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'float' ? attribute.value : fallback;
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'string' ? new TextDecoder().decode(attribute.value) : fallback;
}

/** Attributes from plain values: integers unless written `{ float: x }`. */
export function attributes(
  plain: Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>,
): ReadonlyMap<string, Attribute> {
  return new Map(Object.entries(plain).map(([name, value]) => [name, toAttribute(value)]));
}

/** A node with what every node needs and nothing else. */
export function makeNode(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  plain: Parameters<typeof attributes>[0] = {},
  domain = '',
): Node {
  return { name: outputs[0] ?? '', op, domain, inputs, outputs, attributes: attributes(plain), graphs: new Map() };
}

/** The graph with `change` applied to every subgraph first and then to itself: innermost first. */
export function mapGraphs(graph: Graph, change: (graph: Graph, path: string) => Graph, path = ''): Graph {
  const nodes = graph.nodes.map((node) => {
    if (node.graphs.size === 0) return node;
    const graphs = new Map([...node.graphs].map(([name, inner]) => [name, mapGraphs(inner, change, branchPath(path, node, name))]));
    return { ...node, graphs };
  });
  return change({ ...graph, nodes }, path);
}

/** Every graph with its path, the root (path `''`) first. */
export function* eachGraph(graph: Graph, path = ''): Generator<{ readonly graph: Graph; readonly path: string }> {
  yield { graph, path };
  for (const node of graph.nodes) {
    for (const [name, inner] of node.graphs) yield* eachGraph(inner, branchPath(path, node, name));
  }
}

/** The path of a subgraph: ids of its weights start with it. Unnamed nodes go by their first output. */
export function branchPath(path: string, node: Node, attribute: string): string {
  return `${path}${node.name || (node.outputs[0] ?? node.op)}/${attribute}/`;
}

function toAttribute(value: number | string | readonly number[] | { readonly float: number }): Attribute {
  if (typeof value === 'number') return { kind: 'int', value: BigInt(value) };
  if (typeof value === 'string') return { kind: 'string', value: new TextEncoder().encode(value) };
  if ('float' in value) return { kind: 'float', value: value.float };
  return { kind: 'ints', value: value.map(BigInt) };
}

function toNumber(value: bigint): number {
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > limit ? limit : value < -limit ? -limit : value);
}
