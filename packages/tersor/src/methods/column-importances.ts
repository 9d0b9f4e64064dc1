import { elementsOf } from '../core/dtype.ts';
import { TersorError } from '../core/error.ts';
import type { WeightId } from '../core/graph.ts';
import type { Importances } from '../core/importances.ts';
import type { Context } from '../core/method.ts';
import type { Weight } from '../core/model.ts';
import { nearest } from '../core/nearest.ts';

/** Importances of the columns of each matrix of a weight. */
export type ColumnImportances = readonly Float32Array[];

/**
 * What `importances` say of `weights`, with a note on those that it says nothing of.
 * @throws RULE_UNMATCHED when it says nothing of any, DATA_INVALID when one has another number of columns
 */
export function columnImportances(
  importances: Importances,
  weights: readonly Weight[],
  { note }: Pick<Context, 'note'>,
): ReadonlyMap<WeightId, ColumnImportances> {
  const found = new Map<WeightId, ColumnImportances>();
  for (const weight of weights) {
    const columns = columnsOf(importances, weight);
    if (columns) found.set(weight.id, columns);
  }
  const without = weights.filter(({ id }) => !found.has(id));
  if (found.size === 0 && weights.length > 0) {
    const [first = ''] = importances.weights.keys();
    const close =
      nearest(
        first,
        weights.map(({ id }) => id),
      ) ?? weights[0]?.id;
    throw new TersorError(
      'RULE_UNMATCHED',
      importances.name,
      `says nothing of the ${weights.length} weights that are rounded: it is of ${importances.weights.size} others, such as ${first}`,
      `make it of this model, whose weights have names such as ${close}`,
    );
  }
  if (without.length > 0) {
    const some = without.slice(0, 3).map(({ id }) => id);
    const names = without.length > 3 ? `${some.join(', ')}, ...` : some.join(', ');
    note(importances.name, `says nothing of ${without.length} of ${weights.length} weights, which are rounded without it: ${names}`);
  }
  return found;
}

function columnsOf({ name, weights }: Importances, { id, shape }: Weight): ColumnImportances | undefined {
  const entry = weights.get(id);
  if (!entry) return undefined;
  const columns = shape.at(-1) ?? 1;
  const matrices = elementsOf(shape.slice(0, -2));
  const { length } = entry.meanSquares;
  if (length === columns * matrices) {
    return Array.from({ length: matrices }, (_, i) => entry.meanSquares.subarray(i * columns, (i + 1) * columns));
  }
  // tables of tokens are looked up, not multiplied: some files have an entry for them that means something else
  if (id === 'token_embd.weight') return undefined;
  const what = `has ${length} importances for ${id}, which is [${shape}] and needs ${columns * matrices}`;
  throw new TersorError('DATA_INVALID', name, what, 'it is of another model: make one of this model, or leave --imatrix out');
}
