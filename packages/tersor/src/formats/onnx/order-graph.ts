import type { Graph, Node } from '../../core/graph.ts';
import { corrupt } from './proto/wire.ts';

/**
 * The graph with its nodes, and those of its branches, in topological order: runtimes take any order, tersor's graphs have one.
 * Nodes that are in order stay where they are.
 * @throws FILE_CORRUPT when a name is produced twice in one graph, read but never produced, or depends on itself
 */
export function orderGraph(graph: Graph, where: string): Graph {
  const { ordered, free } = orderWithin(graph, where);
  const [missing] = free;
  if (missing === undefined) return ordered;
  throw corrupt(where, `${readerOf(ordered, missing)} reads "${missing}", which nothing produces`);
}

interface Ordered {
  readonly ordered: Graph;
  /** Names that come from the graphs around this one. */
  readonly free: ReadonlySet<string>;
}

function orderWithin(graph: Graph, where: string): Ordered {
  const reads = new Map<Node, ReadonlySet<string>>();
  const nodes = graph.nodes.map((node) => {
    const names = new Set(node.inputs);
    const graphs = new Map<string, Graph>();
    for (const [attribute, inner] of node.graphs) {
      const { ordered, free } = orderWithin(inner, `${where}, ${node.name || node.op}/${attribute}`);
      graphs.set(attribute, ordered);
      for (const name of free) names.add(name);
    }
    names.delete('');
    const changed = graphs.size > 0 ? { ...node, graphs } : node;
    reads.set(changed, names);
    return changed;
  });
  const producers = producersOf({ ...graph, nodes }, where);
  const ordered = { ...graph, nodes: sort(nodes, reads, producers, where) };
  return { ordered, free: freeNames(ordered, reads, producers) };
}

/** Which node makes each name; undefined for inputs and initializers, which are there from the start. */
function producersOf({ nodes, inputs, initializers }: Graph, where: string): Map<string, number | undefined> {
  const producers = new Map<string, number | undefined>();
  const inputNames = new Set<string>();
  for (const { name } of inputs) {
    if (inputNames.has(name)) throw corrupt(where, `two inputs are named "${name}"`);
    inputNames.add(name);
    producers.set(name, undefined);
  }
  for (const name of initializers.keys()) producers.set(name, undefined);
  nodes.forEach(({ outputs }, i) => {
    for (const name of outputs) {
      if (name === '') continue;
      if (producers.has(name)) throw corrupt(where, `"${name}" is produced twice`);
      producers.set(name, i);
    }
  });
  return producers;
}

function sort(
  nodes: readonly Node[],
  reads: ReadonlyMap<Node, ReadonlySet<string>>,
  producers: ReadonlyMap<string, number | undefined>,
  where: string,
): readonly Node[] {
  const before = nodes.map((node) => [...(reads.get(node) ?? [])].flatMap((name) => producers.get(name) ?? []));
  if (before.every((earlier, i) => earlier.every((j) => j < i))) return nodes;
  const state = new Uint8Array(nodes.length);
  const order: Node[] = [];
  for (let root = 0; root < nodes.length; root++)
    visit(
      root,
      before,
      state,
      (i) => order.push(nodes[i]!),
      (i) => {
        const node = nodes[i]!;
        return corrupt(where, `node "${node.name || (node.outputs[0] ?? '')}" (${node.op}) depends on its own output`);
      },
    );
  return order;
}

const FRESH = 0;
const OPEN = 1;
const DONE = 2;

/** Depth first, without recursion: chains are as long as the graph. */
function visit(
  root: number,
  before: readonly (readonly number[])[],
  state: Uint8Array,
  emit: (i: number) => void,
  cycle: (i: number) => Error,
): void {
  if (state[root] !== FRESH) return;
  state[root] = OPEN;
  const stack = [{ node: root, next: 0 }];
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const earlier = before[top.node]![top.next++];
    if (earlier === undefined) {
      state[top.node] = DONE;
      emit(top.node);
      stack.pop();
    } else if (state[earlier] === OPEN) throw cycle(earlier);
    else if (state[earlier] === FRESH) {
      state[earlier] = OPEN;
      stack.push({ node: earlier, next: 0 });
    }
  }
}

function freeNames(
  { nodes, outputs }: Graph,
  reads: ReadonlyMap<Node, ReadonlySet<string>>,
  producers: ReadonlyMap<string, number | undefined>,
): Set<string> {
  const free = new Set<string>();
  for (const node of nodes) {
    for (const name of reads.get(node) ?? []) if (!producers.has(name)) free.add(name);
  }
  for (const { name } of outputs) if (!producers.has(name)) free.add(name);
  return free;
}

function readerOf({ nodes, outputs }: Graph, missing: string): string {
  if (outputs.some(({ name }) => name === missing)) return 'the graph';
  const node = nodes.find(({ inputs, graphs }) => inputs.includes(missing) || graphs.size > 0);
  return node ? `node "${node.name || (node.outputs[0] ?? '')}" (${node.op})` : 'a node';
}
