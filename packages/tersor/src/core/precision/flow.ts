import type { Graph, Node, WeightId } from '../graph.ts';

/** Who makes and who reads the values of one graph. Readers in its subgraphs count. */
export interface Flow {
  readonly graph: Graph;
  readonly outer: Flow | undefined;
  readonly inner: ReadonlyMap<Graph, Flow>;
  readonly producers: ReadonlyMap<string, Node>;
  readonly readers: ReadonlyMap<string, readonly Reader[]>;
  readonly inputs: ReadonlySet<string>;
  /** Weights that nobody can replace from outside. */
  readonly constants: ReadonlyMap<string, WeightId>;
}

export interface Reader {
  readonly node: Node;
  readonly input: number;
  readonly flow: Flow;
}

interface Growing extends Flow {
  readonly inner: Map<Graph, Growing>;
  readonly readers: Map<string, Reader[]>;
}

/** Expects unique names (`withUniqueNames`). */
export function flowOf(graph: Graph): Flow {
  return grow(graph, undefined);
}

function grow(graph: Graph, outer: Growing | undefined): Growing {
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const flow: Growing = {
    graph,
    outer,
    inner: new Map(),
    inputs,
    producers: new Map(graph.nodes.flatMap((node) => node.outputs.map((name): [string, Node] => [name, node]))),
    readers: new Map(),
    constants: new Map([...graph.initializers].filter(([name]) => !inputs.has(name))),
  };
  for (const node of graph.nodes) {
    node.inputs.forEach((name, input) => {
      if (name === '') return;
      const owner = ownerOf(flow, name) as Growing;
      const readers = owner.readers.get(name);
      if (readers) readers.push({ node, input, flow });
      else owner.readers.set(name, [{ node, input, flow }]);
    });
    for (const body of node.graphs.values()) flow.inner.set(body, grow(body, flow));
  }
  return flow;
}

/** The flow of the graph that defines a value; the outermost when none does. */
function ownerOf(flow: Flow, name: string): Flow {
  let current = flow;
  while (current.outer && !defines(current, name)) current = current.outer;
  return current;
}

/** Whether the value is this graph's own. */
export function defines({ inputs, producers, constants }: Flow, name: string): boolean {
  return producers.has(name) || constants.has(name) || inputs.has(name);
}

/** The node that computes a value, wherever around `flow` it is. */
export function producerOf(flow: Flow, name: string): { readonly node: Node; readonly flow: Flow } | undefined {
  const owner = ownerOf(flow, name);
  const node = owner.producers.get(name);
  return node && { node, flow: owner };
}

export function constantOf(flow: Flow, name: string): WeightId | undefined {
  return ownerOf(flow, name).constants.get(name);
}

export function readersOf(flow: Flow, name: string): readonly Reader[] {
  return ownerOf(flow, name).readers.get(name) ?? [];
}

/** Every flow, the outermost first. */
export function* eachFlow(flow: Flow): Generator<Flow> {
  yield flow;
  for (const inner of flow.inner.values()) yield* eachFlow(inner);
}
