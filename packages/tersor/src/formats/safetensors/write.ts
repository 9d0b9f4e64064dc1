import { type DType, denseBytes } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import type { Size, WriteOptions } from '../../core/format.ts';
import type { WeightId } from '../../core/graph.ts';
import type { Model, Weight } from '../../core/model.ts';
import type { Store } from '../../core/source.ts';
import { storedPieces } from '../stored-pieces.ts';
import { bytesOfFiles, type FilePart, type FilePlan, partOf, writeFiles } from '../write-files.ts';
import { type Entry, encodeHeader } from './header.ts';
import { encodeIndex } from './index-file.ts';
import { safetensorsMeta } from './meta.ts';
import { INDEX } from './open.ts';

/** The exact size of what `writeSafetensors` would write: as many files as were read, unless a name is given. Loads no weight. */
export function sizeSafetensors(model: Model, name = isSharded(model) ? `model${INDEX}` : 'model.safetensors'): Size {
  return sizeOf(model, planFiles(model, name));
}

/**
 * Writes a model whose weights are dense, in as many files as it was read from. Weights are loaded in pieces where they can be; what nobody changed is
 * copied in steps. The same model gives the same bytes, and a model that was only read its own, where the reference implementation wrote it.
 * @returns the size, exact
 * @throws FILE_WRITE, INTERRUPTED, and what loading throws; the caller then discards what the store has staged
 */
export async function writeSafetensors(
  model: Model,
  store: Store,
  name: string,
  options: Pick<WriteOptions, 'signal' | 'onProgress'>,
): Promise<Size> {
  const files = planFiles(model, name);
  await writeFiles(files, store, options);
  return sizeOf(model, files);
}

/** The index is the last of them. */
function planFiles(model: Model, name: string): FilePlan[] {
  const groups = groupsOf(model);
  if (!name.endsWith(INDEX)) {
    const weights = groups.flatMap((group) => group.weights);
    return [planFile(model, weights, name, model.meta.properties)];
  }
  const stem = name.slice(0, -INDEX.length);
  const digits = (number: number) => String(number).padStart(5, '0');
  const shards = groups.map(({ weights, metadata }, i) =>
    planFile(model, weights, `${stem}-${digits(i + 1)}-of-${digits(groups.length)}.safetensors`, metadata),
  );
  const places = new Map(shards.flatMap((shard, i) => groups[i]?.weights.map(({ id }) => [id, shard.name] as const) ?? []));
  const total = [...model.weights.values()].reduce((sum, weight) => sum + weightSize(weight), 0);
  return [...shards, { name, parts: [partOf('index', encodeIndex(places, total))] }];
}

/** What each file will hold. */
interface Group {
  readonly weights: Weight[];
  readonly metadata: Model['meta']['properties'];
}

/** The model's weights, file by file, in the order in which they lay; those that came later behind them. What no file had in its metadata goes into the first. */
function groupsOf({ weights, meta: { format, properties } }: Model): Group[] {
  const { shards } = safetensorsMeta(format);
  const placed = new Set(shards.flatMap((shard) => shard.weights));
  const known = new Set(shards.flatMap(({ keys }) => keys));
  const groups = shards.map((shard, i) => ({
    weights: shard.weights.flatMap((id) => weights.get(id) ?? []),
    metadata: new Map([...properties].filter(([key]) => shard.keys.includes(key) || (i === 0 && !known.has(key)))),
  }));
  groups.at(-1)?.weights.push(...[...weights.values()].filter(({ id }) => !placed.has(id)));
  return groups.filter((group) => group.weights.length > 0 || groups.length === 1);
}

function planFile({ weights: named }: Model, weights: readonly Weight[], name: string, metadata: Group['metadata']): FilePlan {
  const laid = aligned(weights);
  const places = new Map<WeightId, Entry>();
  let end = 0;
  for (const weight of laid) {
    const begin = end;
    end += weightSize(weight);
    places.set(weight.id, { dtype: storedType(weight), shape: weight.shape, begin, end });
  }
  const tensors = new Map([...named.keys()].flatMap((id) => (places.has(id) ? [[id, places.get(id)!] as const] : [])));
  const values = laid.map((weight): FilePart => {
    const bytes = weightSize(weight);
    return { about: weight.id, bytes, pieces: () => storedPieces(weight, bytes) };
  });
  return { name, parts: [partOf('header', encodeHeader({ metadata, tensors })), ...values] };
}

/** Every value at a multiple of its size: as they lie where that is so, else wide types first. Readers map them into memory. */
function aligned(weights: readonly Weight[]): readonly Weight[] {
  let end = 0;
  const fits = weights.every((weight) => {
    const isAligned = end % alignmentOf(weight) === 0;
    end += weightSize(weight);
    return isAligned;
  });
  return fits ? weights : [...weights].sort((a, b) => alignmentOf(b) - alignmentOf(a));
}

function alignmentOf(weight: Weight): number {
  return Math.ceil(denseBytes(storedType(weight), [2]) / 2);
}

function sizeOf({ weights }: Model, files: readonly FilePlan[]): Size {
  return { bytes: bytesOfFiles(files), weights: new Map([...weights.values()].map((weight) => [weight.id, weightSize(weight)])) };
}

function weightSize(weight: Weight): number {
  return denseBytes(storedType(weight), weight.shape);
}

function storedType({ id, layout }: Weight): DType {
  if (layout.kind !== 'dense') throw new TersorError('LAYOUT', id, `${layout.kind} values have no place in safetensors`);
  return layout.dtype;
}

function isSharded({ meta }: Model): boolean {
  return safetensorsMeta(meta.format).shards.length > 1;
}
