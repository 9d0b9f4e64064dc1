import type { Attribute, Graph, Node } from '../graph.ts';
import { nodeBytes } from './cost.ts';
import { renameInNode, renameValues } from './rename.ts';
import { countUses } from './uses.ts';

/** Operators that may give something else each time. */
const RANDOM = new Set(['Bernoulli', 'Dropout', 'Multinomial', 'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike']);

/** Lets one node stand for all that do the same to the same values. Nodes that compute an output of the graph stay. */
export function mergeNodes(graph: Graph): Graph {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const uses = countUses(graph);
  const names = new Map<string, string>();
  const first = new Map<string, Node>();
  const nodes: Node[] = [];
  for (const original of graph.nodes) {
    const node = renameInNode(original, names);
    const key = node.domain === '' && node.graphs.size === 0 && !RANDOM.has(node.op) ? keyOf(node) : undefined;
    const twin = key === undefined ? undefined : first.get(key);
    if (key !== undefined && !twin) first.set(key, node);
    if (!twin || !replaces(twin, node, uses) || node.outputs.some((name) => outputs.has(name))) {
      nodes.push(node);
      continue;
    }
    for (const [i, name] of node.outputs.entries()) if (name !== '') names.set(name, twin.outputs[i] ?? '');
  }
  return names.size === 0 ? graph : renameValues({ ...graph, nodes }, names);
}

/** Whether the twin computes all that the node does, under names that do not take more room than the node did. */
function replaces(twin: Node, node: Node, uses: ReadonlyMap<string, number>): boolean {
  const computesAll = node.outputs.every((name, i) => name === '' || Boolean(twin.outputs[i]));
  const growth = node.outputs.map((name, i) => ((twin.outputs[i]?.length ?? 0) - name.length) * (uses.get(name) ?? 0));
  return computesAll && growth.reduce((sum, bytes) => sum + bytes, 0) <= nodeBytes(node);
}

function keyOf({ op, inputs, attributes }: Node): string {
  const sorted = [...attributes].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([op, inputs, sorted.map(([name, attribute]) => [name, plain(attribute)])]);
}

function plain(attribute: Attribute): unknown {
  return JSON.stringify(attribute, (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    if (value instanceof Uint8Array) return Array.from(value);
    return typeof value === 'number' && (Number.isNaN(value) || Object.is(value, -0) || Math.abs(value) === Infinity)
      ? `${Object.is(value, -0) ? '-0' : value}`
      : value;
  });
}
