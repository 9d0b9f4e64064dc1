import type { WeightId } from '../graph.ts';
import type { Layer } from '../layers.ts';
import type { Model } from '../model.ts';
import { groupOf } from './group.ts';
import { inputOf, readingPart } from './layer-rules.ts';
import type { Group } from './port.ts';
import { surveyOf } from './survey.ts';

/** Factors of the channels that some layers read, and all that they go into. */
export interface Migration extends Group {
  /** Of the graph. */
  readonly path: string;
  /** Nothing takes the factors: the value is divided by them in front of its readers, by an operator of its own. */
  readonly inserted?: { readonly value: string; readonly axis: number; readonly rank: number };
}

export interface Found {
  readonly migrations: readonly Migration[];
  /** Layers that get no factors, and why. */
  readonly refused: ReadonlyMap<WeightId, string>;
}

export interface FindOptions {
  /** Clip may become one with bounds for each channel. */
  readonly clip?: boolean;
  /** Where nothing takes factors, an operator may be inserted that does. */
  readonly insert?: boolean;
}

/**
 * Where factors can go that make the weights of `scope` easier to round, one migration for all layers that read the same channels. Others that read
 * them change, too, whether they are in the scope or not. Expects unique names. Reads small constants.
 */
export async function findMigrations(
  model: Model,
  scope: readonly Layer[],
  { clip = false, insert = false }: FindOptions = {},
): Promise<Found> {
  const wanted = new Set(scope.map(({ weight }) => weight.id));
  const migrations: Migration[] = [];
  const refused = new Map<WeightId, string>();
  for (const survey of await surveyOf(model)) {
    const known = new Map<string, Group | string>();
    const online = new Map<string, Migration>();
    for (const node of survey.graph.nodes) {
      const at = [1, 0, 2].map((input) => survey.layerAt(node, input)).find((found) => found && wanted.has(found.layer.weight.id));
      if (!at || at.layer.kind === 'embedding') continue;
      const { id } = at.layer.weight;
      const input = inputOf(survey, node, at.layer, at.use);
      if (typeof input === 'string') {
        refused.set(id, input);
        continue;
      }
      const { value, lanes } = input;
      const group = known.get(value) ?? groupOf(value, lanes, survey, { clip });
      if (typeof group !== 'string') {
        if (!known.has(value)) migrations.push({ ...group, path: survey.path });
        for (const name of group.lanes.keys()) known.set(name, group);
        continue;
      }
      known.set(value, group);
      const rank = survey.sizes(value)?.length;
      const isOwn = at.layer.uses.length === 1 && at.layer.weight.layout.kind === 'dense';
      if (!insert || rank === undefined || !isOwn) {
        refused.set(id, group);
        continue;
      }
      const [axis = 0] = lanes.axes;
      const key = `${value} ${axis}`;
      const ids = lanes.ids.map((_, i) => i);
      const before = online.get(key)?.parts ?? [];
      online.set(key, {
        path: survey.path,
        channels: ids.length,
        parts: [...before, readingPart(node, at.layer, at.use, ids)],
        clips: [],
        borders: [],
        lanes: new Map([[value, { ...lanes, ids }]]),
        inserted: { value, axis, rank },
      });
    }
    migrations.push(...online.values());
  }
  return { migrations, refused };
}

/** The layers that read the channels. */
export function readersOf({ parts }: Group): { readonly layer: Layer; readonly part: Group['parts'][number] }[] {
  return parts.flatMap((part) => (part.layer && part.power === 1 ? [{ layer: part.layer, part }] : []));
}

/** The layers that give them. */
export function writersOf({ parts }: Group): { readonly layer: Layer; readonly part: Group['parts'][number] }[] {
  return parts.flatMap((part) => (part.layer && part.power === -1 ? [{ layer: part.layer, part }] : []));
}
