import { TersorError } from '../../core/error.ts';
import type { Size, WriteOptions } from '../../core/format.ts';
import { bytesOf } from '../../core/layout.ts';
import type { Model, Weight } from '../../core/model.ts';
import type { Store } from '../../core/source.ts';
import { piecesOf, type Range } from '../ranges.ts';
import { storedPieces } from '../stored-pieces.ts';
import { bytesOfFiles, type FilePart, type FilePlan, pieceOf, writeFiles } from '../write-files.ts';
import { DEFAULT_ALIGNMENT } from './header.ts';
import { ggufMeta, type Part } from './meta.ts';
import { concatenated, encodeCount, encodeKey, encodeText, encodeValue, type ValueType } from './metadata.ts';
import { isSplitKey } from './open.ts';
import { outputNames, partNames } from './split.ts';
import { numberOfType } from './types.ts';

/** Bytes that are at hand, or copied from a file. */
type Chunk = Uint8Array | Range;

/** Keys that tersor adds, and that are no text. */
const ADDED_TYPES: Readonly<Record<string, ValueType>> = {
  'general.file_type': 'u32',
  'general.quantization_version': 'u32',
  'quantize.imatrix.entries_count': 'u32',
  'quantize.imatrix.chunks_count': 'u32',
};

/** The exact size of what `writeGguf` would write: as many files as were read, unless a name is given. Loads no weight. @throws USAGE */
export function sizeGguf(model: Model, name?: string): Size {
  const count = partsOf(model).length;
  const all = partNames(`model-00001-of-${String(count).padStart(5, '0')}.gguf`, count) ?? ['model.gguf'];
  return sizeOf(model, planFiles(model, name === undefined ? all : outputNames(name, count)));
}

/**
 * Writes a model: in as many files as it was read from where the name is that of a first part, otherwise in one. Weights are loaded in pieces
 * where they can be; what nobody changed, vocabularies too, is copied in steps. The same model gives the same bytes, and a model that was only read its own.
 * @returns the size, exact
 * @throws FILE_WRITE, INTERRUPTED, USAGE, and what loading throws; the caller then discards what the store has staged
 */
export async function writeGguf(
  model: Model,
  store: Store,
  name: string,
  options: Pick<WriteOptions, 'signal' | 'onProgress'>,
): Promise<Size> {
  const files = planFiles(model, outputNames(name, partsOf(model).length));
  // the first part is named by the user: it appears last
  await writeFiles([...files].reverse(), store, options);
  return sizeOf(model, files);
}

function sizeOf({ weights }: Model, files: readonly FilePlan[]): Size {
  return {
    bytes: bytesOfFiles(files),
    weights: new Map([...weights.values()].map((weight) => [weight.id, bytesOf(weight)])),
  };
}

/** Of a model from elsewhere: one. */
function partsOf({ meta }: Model): readonly Part[] {
  return ggufMeta(meta.format)?.parts ?? [{ version: 3, alignment: DEFAULT_ALIGNMENT, metadata: new Map(), weights: [] }];
}

function planFiles(model: Model, names: readonly string[]): FilePlan[] {
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

function planFile(name: string, part: Part, { weights: byId, meta }: Model, isFirst: boolean, keepsSplit: boolean): FilePlan {
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
  const length = header.reduce((sum, chunk) => sum + chunk.length, 0);
  return { name, parts: [headerPart(header, length, alignment), ...weights.map((weight) => weightPart(weight, alignment))] };
}

function headerPart(header: readonly Chunk[], length: number, alignment: number): FilePart {
  const padding = paddingAfter(length, alignment);
  const chunks = [...header, new Uint8Array(padding)];
  const pieces = () => chunks.flatMap((chunk) => (chunk instanceof Uint8Array ? [pieceOf(chunk)] : piecesOf(chunk)));
  return { about: 'header', bytes: length + padding, pieces };
}

function weightPart(weight: Weight, alignment: number): FilePart {
  const length = bytesOf(weight);
  const padding = paddingAfter(length, alignment);
  return { about: weight.id, bytes: length + padding, pieces: () => [...storedPieces(weight, length), pieceOf(new Uint8Array(padding))] };
}

/** What was there in its place and type, as long as `properties` still have it; then what they have besides. */
function encodePairs(
  { metadata }: Part,
  properties: ReadonlyMap<string, string> | undefined,
  keepsSplit: boolean,
): readonly (readonly Chunk[])[] {
  const kept = [...metadata].flatMap(([key, { type, text, range }]): (readonly Chunk[])[] => {
    const now = isSplitKey(key) ? (keepsSplit ? text : undefined) : properties ? properties.get(key) : text;
    if (now === undefined) return [];
    return [[encodeKey(key, type), now === text ? range : encodeValue(type, now)]];
  });
  const added = [...(properties ?? [])].flatMap(([key, text]): (readonly Chunk[])[] => {
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
