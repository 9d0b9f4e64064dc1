import { type DType, denseBytes } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import type { Size, WriteOptions } from '../../core/format.ts';
import type { WeightId } from '../../core/graph.ts';
import type { Model, Weight } from '../../core/model.ts';
import type { Sink, Store } from '../../core/source.ts';
import { piecesOf, rangeOf } from '../ranges.ts';
import { type Entry, encodeHeader } from './header.ts';
import { encodeIndex } from './index-file.ts';
import { safetensorsMeta } from './meta.ts';
import { INDEX } from './open.ts';

/** One file to write. */
interface File {
  readonly name: string;
  readonly header: Uint8Array;
  /** As their values lie. */
  readonly weights: readonly Weight[];
  readonly bytes: number;
}

/** The files that a model becomes. Loads no weight. */
interface Planned {
  readonly shards: readonly File[];
  readonly index?: Uint8Array;
  readonly bytes: number;
}

/** The exact size of what `writeSafetensors` would write. Loads no weight. */
export function sizeSafetensors(model: Model): Size {
  return { bytes: planFiles(model, isSharded(model) ? `model${INDEX}` : 'model.safetensors').bytes, weights: weightBytes(model) };
}

/**
 * Writes a model whose weights are dense, in as many files as it was read from. Weights are loaded one at a time; what nobody changed is copied in
 * steps. The same model gives the same bytes, and a model that was only read its own, where the reference implementation wrote it.
 * @returns the size, exact
 * @throws FILE_WRITE, INTERRUPTED, and what loading throws; the caller then discards what the store has staged
 */
export async function writeSafetensors(
  model: Model,
  store: Store,
  name: string,
  { signal, onProgress }: Pick<WriteOptions, 'signal' | 'onProgress'>,
): Promise<Size> {
  const { shards, index, bytes } = planFiles(model, name);
  let done = 0;
  const put = async (sink: Sink, chunk: Uint8Array) => {
    if (signal?.aborted) throw new TersorError('INTERRUPTED', name, 'writing was stopped', '', { cause: signal.reason });
    await sink.write(chunk);
    done += chunk.length;
    onProgress?.(done, bytes);
  };
  for (const shard of shards) {
    const sink = await store.create(shard.name);
    await put(sink, shard.header);
    for (const weight of shard.weights) for await (const chunk of chunksOf(weight)) await put(sink, chunk);
    await sink.close();
  }
  if (index) {
    const sink = await store.create(name);
    await put(sink, index);
    await sink.close();
  }
  return { bytes, weights: weightBytes(model) };
}

async function* chunksOf(weight: Weight): AsyncGenerator<Uint8Array> {
  const length = weightSize(weight);
  const range = rangeOf(weight);
  if (range?.length === length) {
    for (const piece of piecesOf(range)) yield piece.load();
    return;
  }
  const tensor = await weight.load();
  if (tensor.kind !== 'dense' || tensor.bytes.length !== length) {
    throw new TersorError('INTERNAL', weight.id, `was planned as ${length} bytes and loaded as ${tensor.kind}`);
  }
  yield tensor.bytes;
}

function planFiles(model: Model, name: string): Planned {
  const groups = groupsOf(model);
  if (!name.endsWith(INDEX)) {
    const shard = planFile(
      model,
      groups.flatMap(({ weights }) => weights),
      name,
      model.meta.properties,
    );
    return { shards: [shard], bytes: shard.bytes };
  }
  const stem = name.slice(0, -INDEX.length);
  const digits = (number: number) => String(number).padStart(5, '0');
  const shards = groups.map(({ weights, metadata }, i) =>
    planFile(model, weights, `${stem}-${digits(i + 1)}-of-${digits(groups.length)}.safetensors`, metadata),
  );
  const places = new Map(shards.flatMap((shard) => shard.weights.map(({ id }) => [id, shard.name] as const)));
  const index = encodeIndex(
    places,
    [...model.weights.values()].reduce((sum, weight) => sum + weightSize(weight), 0),
  );
  return { shards, index, bytes: shards.reduce((sum, { bytes }) => sum + bytes, index.length) };
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

function planFile({ weights: named }: Model, weights: readonly Weight[], name: string, metadata: Group['metadata']): File {
  const laid = aligned(weights);
  const places = new Map<WeightId, Entry>();
  let end = 0;
  for (const weight of laid) {
    const begin = end;
    end += weightSize(weight);
    places.set(weight.id, { dtype: storedType(weight), shape: weight.shape, begin, end });
  }
  const tensors = new Map([...named.keys()].flatMap((id) => (places.has(id) ? [[id, places.get(id)!] as const] : [])));
  const header = encodeHeader({ metadata, tensors });
  return { name, header, weights: laid, bytes: header.length + end };
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

function weightBytes({ weights }: Model): Map<WeightId, number> {
  return new Map([...weights.values()].map((weight) => [weight.id, weightSize(weight)]));
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
