import type { Graph, Node } from '../core/graph.ts';
import { intAttribute } from '../core/graph.ts';
import type { Model } from '../core/model.ts';

/** Operators that hand indices on without making other numbers of them. */
const HANDS_ON = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Transpose',
  'Slice',
  'Split',
  'Expand',
  'Tile',
  'Concat',
]);

/** Operators that stand between a table's values and its use, and keep its rows. */
const KEEPS_ROWS = new Set(['Identity', 'Cast', 'DequantizeLinear', 'Mul']);

/** Which inputs of an operator are indices, and into which of its inputs. */
const LOOKUPS: Readonly<Record<string, readonly { readonly index: number; readonly table: number }[]>> = {
  Gather: [{ index: 1, table: 0 }],
  GatherBlockQuantized: [{ index: 1, table: 0 }],
  EmbedLayerNormalization: [
    { index: 0, table: 2 },
    { index: 1, table: 4 },
  ],
};

/** Further than this no exporter puts an input from its table. */
const MAX_STEPS = 64;

/** How many different indices an input can take: the rows of the smallest table that it looks up. Undefined when it looks up none. */
export function vocabularyOf({ graph, weights }: Model, input: string): number | undefined {
  if (!graph) return undefined;
  let names = new Set([input]);
  const seen = new Set(names);
  let rows = Number.POSITIVE_INFINITY;
  for (let step = 0; names.size > 0 && step < MAX_STEPS; step++) {
    const next = new Set<string>();
    for (const node of graph.nodes) {
      for (const { index, table } of lookupsOf(node)) {
        const found = names.has(node.inputs[index] ?? '') ? rowsOf(graph, weights, node.inputs[table] ?? '') : undefined;
        if (found !== undefined && found > 0) rows = Math.min(rows, found);
      }
      if (!HANDS_ON.has(node.op) || !node.inputs.some((name) => names.has(name))) continue;
      for (const output of node.outputs) if (!seen.has(output)) next.add(output);
    }
    for (const name of next) seen.add(name);
    names = next;
  }
  return Number.isFinite(rows) ? rows : undefined;
}

function lookupsOf(node: Node): readonly { readonly index: number; readonly table: number }[] {
  if (node.op === 'Gather' && intAttribute(node, 'axis', 0) !== 0) return [];
  return LOOKUPS[node.op] ?? [];
}

function rowsOf(graph: Graph, weights: Model['weights'], name: string): number | undefined {
  let at = name;
  for (let step = 0; step < MAX_STEPS; step++) {
    const id = graph.initializers.get(at);
    if (id !== undefined) return weights.get(id)?.shape[0];
    const producer = graph.nodes.find(({ outputs }) => outputs.includes(at));
    if (!producer || !KEEPS_ROWS.has(producer.op)) return undefined;
    at = producer.inputs[0] ?? '';
  }
  return undefined;
}
