import type { WeightId } from '../graph.ts';
import type { Layer } from '../layers.ts';
import type { Model } from '../model.ts';
import { groupOf } from './group.ts';
import type { Lanes } from './lanes.ts';
import { inputOf } from './layer-rules.ts';
import type { Group } from './port.ts';
import { surveyOf } from './survey.ts';

/** Channels that can be turned into mixtures of themselves, block by block of them, without changing what a model computes. */
export interface Rotation extends Group {
  /** Of the graph. */
  readonly path: string;
  /** Channels that are mixed with each other: a power of two. */
  readonly block: number;
  /** Ranks of values at borders. */
  readonly ranks: ReadonlyMap<string, number>;
}

export interface FoundRotations {
  readonly rotations: readonly Rotation[];
  readonly refused: ReadonlyMap<WeightId, string>;
}

/** Blocks of fewer spread too little. */
const LEAST_BLOCK = 8;
/** Where a matrix is multiplied by when the model runs, it is to be small. */
const MOST_ONLINE = 64;

/**
 * Where rotations can go that spread what layers of `scope` read. Expects unique names, and factors of normalizations worked into the layers behind them.
 * @param borders  operators in the way, at most, for which a rotation may be undone by an operator of its own
 */
export async function findRotations(model: Model, scope: readonly Layer[], borders: number): Promise<FoundRotations> {
  const wanted = new Set(scope.map(({ weight }) => weight.id));
  const rotations: Rotation[] = [];
  const refused = new Map<WeightId, string>();
  for (const survey of await surveyOf(model, true)) {
    const known = new Map<string, Group>();
    for (const node of survey.graph.nodes) {
      const at = [1, 0, 2].map((input) => survey.layerAt(node, input)).find((found) => found && wanted.has(found.layer.weight.id));
      if (!at || at.layer.kind === 'embedding') continue;
      const { id } = at.layer.weight;
      const input = inputOf(survey, node, at.layer, at.use);
      if (typeof input !== 'string' && known.has(input.value)) continue;
      const group = typeof input === 'string' ? input : groupOf(input.value, input.lanes, survey, { mixed: true, borders });
      const block = typeof group === 'string' ? 0 : blockOf(group);
      if (typeof group === 'string' || block < LEAST_BLOCK) {
        refused.set(id, typeof group === 'string' ? group : 'too few of its channels lie side by side');
        continue;
      }
      const ranks = new Map(group.borders.map(({ value }) => [value, survey.sizes(value)?.length ?? 0]));
      const isAtEnd = group.borders.every(({ value }) => group.lanes.get(value)?.axes.join() === `${(ranks.get(value) ?? 0) - 1}`);
      if (!isAtEnd || group.parts.length === 0) {
        refused.set(id, 'its channels would have to be turned along another axis than the last');
        continue;
      }
      rotations.push({ ...group, path: survey.path, block, ranks });
      for (const name of group.lanes.keys()) known.set(name, group);
    }
  }
  return { rotations, refused };
}

/** The largest block that lies along a single axis, side by side and in one order, in every value and weight. */
function blockOf({ lanes, parts, borders }: Group): number {
  const places: { readonly ids: Int32Array; readonly length: number }[] = [
    ...[...lanes.values()].map(({ ids, sizes }: Lanes) => ({ ids, length: sizes.at(-1) ?? 0 })),
    ...parts.map(({ ids, axes }) => ({ ids, length: axes.length === 1 ? ids.length : 0 })),
  ];
  const [first] = places;
  let block = 1;
  while (first && (first.length / block) % 2 === 0 && block < first.length) block *= 2;
  if (borders.length > 0) block = Math.min(block, MOST_ONLINE);
  while (block >= LEAST_BLOCK && !places.every(({ ids, length }) => length % block === 0 && isWhole(ids, block))) block /= 2;
  return block;
}

function isWhole(ids: Int32Array, block: number): boolean {
  return ids.every((id, i) => (i % block === 0 ? id < 0 || id % block === 0 : ids[i - 1]! < 0 ? id < 0 : id === ids[i - 1]! + 1));
}
