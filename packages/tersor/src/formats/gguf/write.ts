import { TersorError } from '../../core/error.ts';
import type { Size, WriteOptions } from '../../core/format.ts';
import { bytesOf } from '../../core/layout.ts';
import type { Model, Weight } from '../../core/model.ts';
import type { Sink, Store } from '../../core/source.ts';
import { piecesOf, type Range, rangeOf } from '../ranges.ts';
import { DEFAULT_ALIGNMENT } from './header.ts';
import { ggufMeta, type Part } from './meta.ts';
import { concatenated, encodeCount, encodeKey, encodeText, encodeValue, type ValueType } from './metadata.ts';
import { isSplitKey } from './open.ts';
import { outputNames, partNames } from './split.ts';
import { numberOfType } from './types.ts';

/** Bytes that are at hand, or copied from a file. */
type Piece = Uint8Array | Range;

/** One file to write. */
interface PlannedFile {
  readonly name: string;
  readonly header: readonly Piece[];
  readonly weights: readonly Weight[];
  readonly alignment: number;
  readonly bytes: number;
}

/** Keys that tersor adds, and that are no text. */
const ADDED_TYPES: Readonly<Record<string, ValueType>> = {
  'general.file_type': 'u32',
  'general.quantization_version': 'u32',
  'quantize.imatrix.entries_count': 'u32',
  'quantize.imatrix.chunks_count': 'u32',
};

/** The exact size of what `writeGguf` would write: as many files as were read. Loads no weight. */
export function sizeGguf(model: Model): Size {
  const count = partsOf(model).length;
  return sizeOf(model, planFiles(model, partNames(`model-00001-of-${String(count).padStart(5, '0')}.gguf`, count) ?? ['model.gguf']));
}

/**
 * Writes a model: in as many files as it was read from where the name is that of a first part, otherwise in one. Weights are loaded one at a time; what nobody
 * changed, vocabularies too, is copied in steps. The same model gives the same bytes, and a model that was only read its own.
 * @returns the size, exact
 * @throws FILE_WRITE, INTERRUPTED, USAGE, and what loading throws; the caller then discards what the store has staged
 */
export async function writeGguf(
  model: Model,
  store: Store,
  name: string,
  { signal, onProgress }: Pick<WriteOptions, 'signal' | 'onProgress'>,
): Promise<Size> {
  const files = planFiles(model, outputNames(name, partsOf(model).length));
  const size = sizeOf(model, files);
  let done = 0;
  const put = async (sink: Sink, chunk: Uint8Array) => {
    if (signal?.aborted) throw new TersorError('INTERRUPTED', name, 'writing was stopped', '', { cause: signal.reason });
    await sink.write(chunk);
    done += chunk.length;
    onProgress?.(done, size.bytes);
  };
  // the first part is named by the user: it appears last
  for (const file of [...files].reverse()) {
    const sink = await store.create(file.name);
    for (const piece of file.header) for await (const chunk of chunksOf(piece)) await put(sink, chunk);
    for (const weight of file.weights) {
      for await (const chunk of valuesOf(weight)) await put(sink, chunk);
      await put(sink, new Uint8Array(paddingAfter(bytesOf(weight), file.alignment)));
    }
    await sink.close();
  }
  return size;
}

async function* chunksOf(piece: Piece): AsyncGenerator<Uint8Array> {
  if (piece instanceof Uint8Array) yield piece;
  else for (const part of piecesOf(piece)) yield part.load();
}

async function* valuesOf(weight: Weight): AsyncGenerator<Uint8Array> {
  const length = bytesOf(weight);
  const range = rangeOf(weight);
  if (range?.length === length) {
    yield* chunksOf(range);
    return;
  }
  const tensor = await weight.load();
  if ((tensor.kind !== 'dense' && tensor.kind !== 'blocks') || tensor.bytes.length !== length) {
    throw new TersorError('INTERNAL', weight.id, `was planned as ${length} bytes and loaded as ${tensor.kind}`);
  }
  yield tensor.bytes;
}

function sizeOf({ weights }: Model, files: readonly PlannedFile[]): Size {
  return {
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    weights: new Map([...weights.values()].map((weight) => [weight.id, bytesOf(weight)])),
  };
}

/** Of a model from elsewhere: one. */
function partsOf({ meta }: Model): readonly Part[] {
  return ggufMeta(meta.format)?.parts ?? [{ version: 3, alignment: DEFAULT_ALIGNMENT, metadata: new Map(), weights: [] }];
}

function planFiles(model: Model, names: readonly string[]): PlannedFile[] {
  const parts = partsOf(model);
  const placed = new Set(parts.flatMap(({ weights }) => weights));
  const added = [...model.weights.keys()].filter((id) => !placed.has(id));
  const all = parts.map((part, i) => (i === parts.length - 1 ? { ...part, weights: [...part.weights, ...added] } : part));
  const [first] = all;
  if (!first) return [];
  if (names.length === 1) {
    return [planFile(names[0] ?? '', { ...first, weights: all.flatMap(({ weights }) => weights) }, model, true, parts.length === 1)];
  }
  return all.map((part, i) => planFile(names[i] ?? '', part, model, i === 0, true));
}

function planFile(name: string, part: Part, { weights: byId, meta }: Model, isFirst: boolean, keepsSplit: boolean): PlannedFile {
  const { version, alignment } = part;
  const weights = part.weights.flatMap((id) => byId.get(id) ?? []);
  const pairs = encodePairs(part, isFirst ? meta.properties : undefined, keepsSplit);
  let offset = 0;
  const infos = weights.map((weight) => {
    const info = encodeInfo(weight, offset);
    offset += bytesOf(weight) + paddingAfter(bytesOf(weight), alignment);
    return info;
  });
  const start = Uint8Array.of(0x47, 0x47, 0x55, 0x46, version, 0, 0, 0);
  const header = [start, encodeCount(weights.length), encodeCount(pairs.length), ...pairs.flat(), ...infos];
  const length = header.reduce((sum, piece) => sum + piece.length, 0);
  const padding = new Uint8Array(paddingAfter(length, alignment));
  return { name, header: [...header, padding], weights, alignment, bytes: length + padding.length + offset };
}

/** What was there in its place and type, as long as `properties` still have it; then what they have besides. */
function encodePairs(
  { metadata }: Part,
  properties: ReadonlyMap<string, string> | undefined,
  keepsSplit: boolean,
): readonly (readonly Piece[])[] {
  const kept = [...metadata].flatMap(([key, { type, text, range }]): (readonly Piece[])[] => {
    const now = isSplitKey(key) ? (keepsSplit ? text : undefined) : properties ? properties.get(key) : text;
    if (now === undefined) return [];
    return [[encodeKey(key, type), now === text ? range : encodeValue(type, now)]];
  });
  const added = [...(properties ?? [])].flatMap(([key, text]): (readonly Piece[])[] => {
    const type = ADDED_TYPES[key] ?? 'string';
    return metadata.has(key) ? [] : [[encodeKey(key, type), encodeValue(type, text)]];
  });
  return [...kept, ...added];
}

function encodeInfo({ id, shape, layout }: Weight, offset: number): Uint8Array {
  const number = numberOfType(layout);
  if (number === undefined) throw new TersorError('LAYOUT', id, `${layout.kind} values have no place in GGUF`);
  const rest = new Uint8Array(4 + shape.length * 8 + 12);
  const view = new DataView(rest.buffer);
  view.setUint32(0, shape.length, true);
  shape.forEach((dimension, axis) => {
    view.setBigUint64(4 + (shape.length - 1 - axis) * 8, BigInt(dimension), true);
  });
  view.setUint32(4 + shape.length * 8, number, true);
  view.setBigUint64(8 + shape.length * 8, BigInt(offset), true);
  return concatenated([encodeText(id), rest]);
}

function paddingAfter(length: number, alignment: number): number {
  return (alignment - (length % alignment)) % alignment;
}
