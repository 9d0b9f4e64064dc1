import { decode } from '../core/decode.ts';
import type { WeightId } from '../core/graph.ts';
import { withUniqueNames } from '../core/graph-edit/names.ts';
import type { Layer } from '../core/layers.ts';
import { inputAxes, offsets, toMatrix } from '../core/matrix.ts';
import type { Context } from '../core/method.ts';
import { type FindOptions, findMigrations, type Migration, readersOf } from '../core/migration/find-migrations.ts';
import { migrate, positionAlong } from '../core/migration/migrate.ts';
import type { Part } from '../core/migration/port.ts';
import { type Model, withGraph } from '../core/model.ts';
import { boolean } from '../core/options.ts';

/** Of every method that moves factors of channels from weights into what computes the channels. */
export const migrationOptions = {
  insert: boolean({
    default: false,
    doc: 'Where nothing takes the factors, insert a Mul in front of the layers: a few bytes for each channel, and the time of one more operator.',
  }),
  clip: boolean({
    default: false,
    doc: 'Let factors pass a Clip (Relu6), which becomes a Relu and a Min with a bound for each channel, some of the speed of convolutional networks.',
  }),
};

/** Layers of the step that read the same channels, and the factors that they may get. */
export interface Site {
  readonly migration: Migration;
  readonly readers: readonly Reader[];
}

export interface Reader {
  readonly layer: Layer;
  readonly part: Part;
}

/** Factors below and above lose more in the floats than they gain. */
const MOST_FACTOR = 2 ** 10;

/**
 * The model with factors worked in for every site that gets some; the layers of `context.scope` that get none are noted. Nothing is loaded, and `factorsOf` not
 * asked, before a weight is.
 * @param factorsOf  `[channels]`, positive; undefined: all stay as they are
 */
export async function migrateChannels(
  model: Model,
  options: FindOptions,
  { scope, note }: Pick<Context, 'scope' | 'note'>,
  factorsOf: (site: Site) => Promise<Float64Array | undefined>,
): Promise<Model> {
  if (!model.graph) return model;
  const unique = withGraph(model, withUniqueNames(model.graph));
  const { migrations, refused } = await findMigrations(unique, scope, options);
  for (const [id, reason] of refused) note(id, `gets no factors: ${reason}`);
  const wanted = new Set<WeightId>(scope.map(({ weight }) => weight.id));
  return migrate(
    unique,
    migrations.map((migration) => {
      const readers = readersOf(migration).filter(({ layer }) => wanted.has(layer.weight.id));
      let found: Promise<Float64Array> | undefined;
      const find = async () => bounded((await factorsOf({ migration, readers })) ?? new Float64Array(migration.channels).fill(1));
      return {
        migration,
        factors: () => {
          found ??= find();
          return found;
        },
      };
    }),
  );
}

/** Around one, and not too far from it. */
function bounded(factors: Float64Array): Float64Array {
  const logs = factors.map((factor) => (factor > 0 && Number.isFinite(factor) ? Math.log(factor) : 0));
  const middle = (Math.max(...logs) + Math.min(...logs)) / 2;
  return logs.map((log) => Math.min(MOST_FACTOR, Math.max(1 / MOST_FACTOR, Math.exp(log - middle))));
}

/** A layer's weight as its matrix, and the channel that each of its inputs is. */
export interface ReadMatrix {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** See `Columns`. */
  readonly groups: number;
  /** `[groups, columns]`; -1: none. */
  readonly channels: Int32Array;
}

/** @param groups  of inputs, as statistics of the layer have them */
export async function readMatrix({ layer, part }: Reader, groups: number): Promise<ReadMatrix> {
  const { weight, outputAxes, outputs: rows, inputs: columns } = layer;
  const { shape } = weight;
  const values = toMatrix(decode(await weight.load()), shape, outputAxes);
  const at = positionAlong(shape, part.axes);
  const starts = offsets(shape, outputAxes);
  const steps = offsets(shape, inputAxes(shape, outputAxes));
  const channels = new Int32Array(groups * columns);
  for (let group = 0, i = 0; group < groups; group++) {
    const start = starts[(group * rows) / groups]!;
    for (let column = 0; column < columns; column++) channels[i++] = part.ids[at(start + steps[column]!)]!;
  }
  return { values, rows, columns, groups, channels };
}

/** The largest magnitude that any layer multiplies each channel by. */
export function weightPeaks(matrices: readonly ReadMatrix[], channels: number): Float64Array {
  const peaks = new Float64Array(channels);
  for (const { values, rows, columns, groups, channels: ids } of matrices) {
    for (let row = 0, i = 0; row < rows; row++) {
      const start = Math.floor((row * groups) / rows) * columns;
      for (let column = 0; column < columns; column++, i++) {
        const id = ids[start + column]!;
        if (id >= 0) peaks[id] = Math.max(peaks[id]!, Math.abs(values[i]!));
      }
    }
  }
  return peaks;
}

/** Values of columns joined channel by channel. */
export function byChannel(
  values: Float64Array,
  { channels: ids }: Pick<ReadMatrix, 'channels'>,
  channels: number,
  join: (before: number, value: number) => number,
): Float64Array {
  const joined = new Float64Array(channels);
  for (const [i, id] of ids.entries()) if (id >= 0) joined[id] = join(joined[id]!, values[i]!);
  return joined;
}
