import type { Seeing, Working } from '../sight.ts';

/** Where EmbedLayerNormalization takes the indices of its tables of words, positions and segments. */
const INDICES: Readonly<Record<number, number>> = { 2: 0, 3: 8, 4: 1 };

/** What rows of a table are looked up. */
export function lookups({ node, use, layer }: Working): Seeing {
  const name = node.inputs[node.op === 'Gather' ? 1 : (INDICES[use.input] ?? 0)] ?? '';
  if (name === '') return 'positions are counted by the operator itself';
  const table = layer.outputs;
  return {
    key: `${name} ${table} rows`,
    groups: 1,
    columns: table,
    look: () => ({ value: name, table, matrix: () => ({ name, columnsFirst: false }) }),
  };
}
