import { TersorError } from '../../core/error.ts';
import type { WeightId } from '../../core/graph.ts';
import type { Importance, Importances } from '../../core/importances.ts';
import type { Source } from '../../core/source.ts';
import { corrupt, openCursor } from './cursor.ts';
import { DEFAULT_ALIGNMENT, type Info, readHeader } from './header.ts';
import { MAX_NAME_BYTES, MAX_TENSORS } from './limits.ts';
import { concatenated, encodeCount, encodeKey, encodeText, encodeValue } from './metadata.ts';
import { readTexts } from './read-array.ts';

const KEYS = { type: 'general.type', datasets: 'imatrix.datasets', chunks: 'imatrix.chunk_count', tokens: 'imatrix.chunk_size' } as const;
const [SUMS, COUNTS] = ['.in_sum2', '.counts'];

/** Tokens of a chunk where the file does not say: what llama.cpp takes unless told. */
const CHUNK_TOKENS = 512;

/** Of the name of a data set. */
const MAX_DATASET_BYTES = 65_536;

/**
 * Reads an imatrix file of llama.cpp, the GGUF form or the older one. Matrices that saw no token count everywhere the same.
 * @throws FILE_CORRUPT for what is no such file, and for importances that are negative or not finite; FILE_LIMIT
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/tools/imatrix/imatrix.cpp
 */
export async function readImatrix(source: Source): Promise<Importances> {
  const start = source.size < 4 ? new Uint8Array() : await source.read(0, 4);
  const isGguf = String.fromCharCode(...start) === 'GGUF';
  const found = isGguf ? await readGguf(source) : await readOld(source);
  for (const [id, { meanSquares }] of found.weights) {
    const wrong = meanSquares.find((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY));
    if (wrong !== undefined) throw corrupt(source.name, `${id} has an importance of ${wrong}`);
  }
  return found;
}

async function readGguf(source: Source): Promise<Importances> {
  const { metadata, tensors } = await readHeader(source);
  const stated = metadata.get(KEYS.type)?.text;
  if (stated !== 'imatrix') {
    const hint = 'llama-imatrix makes one: llama-imatrix -m model.gguf -f text.txt -o imatrix.gguf';
    throw new TersorError('FILE_UNSUPPORTED', source.name, `is a GGUF file of ${stated ?? 'a model'}, not an imatrix`, hint);
  }
  const weights = new Map<WeightId, Importance>();
  for (const [name, info] of tensors) {
    if (!name.endsWith(SUMS)) continue;
    const id = name.slice(0, -SUMS.length);
    const counted = tensors.get(id + COUNTS);
    if (!counted) throw corrupt(source.name, `has sums of ${id}, and not of how many`);
    const [sums, counts] = [await floatsOf(source, name, info), await floatsOf(source, id + COUNTS, counted)];
    if (counts.length === 0 || sums.length % counts.length !== 0) {
      throw corrupt(source.name, `has ${sums.length} sums and ${counts.length} counts of ${id}`);
    }
    const columns = sums.length / counts.length;
    const meanSquares = sums.map((sum, i) => {
      const count = counts[Math.floor(i / columns)]!;
      return count > 0 ? sum / count : 1;
    });
    weights.set(id, { meanSquares, counts: [...counts] });
  }
  const number = (key: string) => Number(metadata.get(key)?.text ?? 0) || 0;
  const datasets = (await readTexts(metadata.get(KEYS.datasets))) ?? [];
  return { name: source.name, weights, datasets, chunks: number(KEYS.chunks), chunkTokens: number(KEYS.tokens) };
}

async function floatsOf(source: Source, name: string, { type, offset, length }: Info): Promise<Float32Array> {
  if (type.layout.kind !== 'dense' || type.layout.dtype !== 'f32') throw corrupt(source.name, `${name} does not hold 32-bit floats`);
  return new Float32Array((await source.read(offset, length)).slice().buffer);
}

/** The form before GGUF: entries with the sum over chunks of mean squares, then how many chunks there were and of which text. */
async function readOld(source: Source): Promise<Importances> {
  const cursor = openCursor(source);
  const hint = 'check that it was fetched whole, and that it is an imatrix of llama.cpp';
  const whole = async (what: string, most: number): Promise<number> => {
    const number = (await cursor.take(4, what)).getInt32(0, true);
    if (number < 0 || number > most) throw new TersorError('FILE_CORRUPT', source.name, `${what}: ${number}`, hint);
    return number;
  };
  const text = async (what: string, most: number): Promise<string> => {
    const bytes = await cursor.take(await whole(`length of ${what}`, most), what);
    return new TextDecoder().decode(bytes);
  };
  const weights = new Map<WeightId, Importance>();
  const entries = await whole('number of entries', MAX_TENSORS);
  if (entries === 0) throw new TersorError('FILE_CORRUPT', source.name, 'holds no importances', hint);
  for (let i = 0; i < entries; i++) {
    const id = await text('a name', MAX_NAME_BYTES);
    const calls = await whole(`chunks of ${id}`, 2 ** 31 - 1);
    const count = await whole(`importances of ${id}`, source.size / 4);
    const bytes = await cursor.take(count * 4, `importances of ${id}`);
    const sums = Float32Array.from({ length: count }, (_, at) => bytes.getFloat32(at * 4, true));
    if (weights.has(id)) throw corrupt(source.name, `${JSON.stringify(id)} comes twice`);
    weights.set(id, { meanSquares: calls > 0 ? sums.map((sum) => sum / calls) : sums, counts: [Math.max(1, calls) * CHUNK_TOKENS] });
  }
  // the oldest files end here
  const chunks = cursor.at() < source.size ? await whole('chunks', 2 ** 31 - 1) : 0;
  const datasets = cursor.at() < source.size ? [await text('the data set', MAX_DATASET_BYTES)] : [];
  return { name: source.name, weights, datasets, chunks, chunkTokens: CHUNK_TOKENS };
}

export type ImatrixForm = 'gguf' | 'dat';

/** An imatrix file as llama.cpp writes it: names in order. */
export function encodeImatrix(importances: Importances, form: ImatrixForm): Uint8Array {
  const weights = [...importances.weights].sort(([a], [b]) => (a < b ? -1 : 1));
  return form === 'gguf' ? encodeGguf(weights, importances) : encodeOld(weights, importances);
}

function encodeGguf(weights: readonly (readonly [WeightId, Importance])[], { datasets, chunks, chunkTokens }: Importances): Uint8Array {
  const texts = concatenated([u32(8), encodeCount(datasets.length), ...datasets.map(encodeText)]);
  const pairs = [
    concatenated([encodeKey(KEYS.type, 'string'), encodeText('imatrix')]),
    concatenated([encodeKey(KEYS.datasets, 'array'), texts]),
    concatenated([encodeKey(KEYS.chunks, 'u32'), encodeValue('u32', String(chunks))]),
    concatenated([encodeKey(KEYS.tokens, 'u32'), encodeValue('u32', String(chunkTokens))]),
  ];
  const tensors = weights.flatMap(([id, { meanSquares, counts }]) => {
    const columns = meanSquares.length / counts.length;
    const sums = meanSquares.map((value, i) => value * counts[Math.floor(i / columns)]!);
    return [
      { name: id + SUMS, shape: [columns, counts.length], bytes: bytesOf(sums) },
      { name: id + COUNTS, shape: [1, counts.length], bytes: bytesOf(Float32Array.from(counts)) },
    ];
  });
  let offset = 0;
  const infos = tensors.map(({ name, shape, bytes }) => {
    const info = concatenated([encodeText(name), u32(shape.length), ...shape.map(encodeCount), u32(0), encodeCount(offset)]);
    offset += padded(bytes.length);
    return info;
  });
  const start = concatenated([new TextEncoder().encode('GGUF'), u32(3), encodeCount(tensors.length), encodeCount(pairs.length)]);
  const header = concatenated([start, ...pairs, ...infos]);
  const filled = (bytes: Uint8Array) => concatenated([bytes, new Uint8Array(padded(bytes.length) - bytes.length)]);
  return concatenated([filled(header), ...tensors.map(({ bytes }) => filled(bytes))]);
}

function encodeOld(weights: readonly (readonly [WeightId, Importance])[], { datasets, chunks, chunkTokens }: Importances): Uint8Array {
  const perChunk = chunkTokens || CHUNK_TOKENS;
  const entries = weights.map(([id, { meanSquares, counts }]) => {
    const calls = Math.ceil(Math.max(...counts) / perChunk);
    const name = new TextEncoder().encode(id);
    return concatenated([u32(name.length), name, u32(calls), u32(meanSquares.length), bytesOf(meanSquares.map((value) => value * calls))]);
  });
  const dataset = new TextEncoder().encode(datasets.at(-1) ?? '');
  return concatenated([u32(weights.length), ...entries, u32(chunks), u32(dataset.length), dataset]);
}

function padded(length: number): number {
  return Math.ceil(length / DEFAULT_ALIGNMENT) * DEFAULT_ALIGNMENT;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function u32(value: number): Uint8Array {
  return encodeValue('u32', String(value));
}

/**
 * The importances of several files together: each weight's means, weighted by the tokens that they are of.
 * @throws DATA_INVALID when two of them have different numbers of columns or matrices
 */
export function mergeImportances(name: string, all: readonly Importances[]): Importances {
  const weights = new Map<WeightId, Importance>();
  for (const each of all) {
    for (const [id, added] of each.weights) {
      const before = weights.get(id);
      if (before && (before.meanSquares.length !== added.meanSquares.length || before.counts.length !== added.counts.length)) {
        const what = `${id} has ${added.meanSquares.length} columns for ${added.counts.length} matrices, and ${before.meanSquares.length} for ${before.counts.length} in another file`;
        throw new TersorError('DATA_INVALID', each.name, what, 'only importances of one model add up');
      }
      weights.set(id, before ? sumOf(before, added) : added);
    }
  }
  return {
    name,
    weights,
    datasets: [...new Set(all.flatMap(({ datasets }) => datasets))],
    chunks: all.reduce((sum, { chunks }) => sum + chunks, 0),
    chunkTokens: Math.max(0, ...all.map(({ chunkTokens }) => chunkTokens)),
  };
}

function sumOf(a: Importance, b: Importance): Importance {
  const columns = a.meanSquares.length / a.counts.length;
  const meanSquares = a.meanSquares.map((value, i) => {
    const [before, added] = [a.counts[Math.floor(i / columns)]!, b.counts[Math.floor(i / columns)]!];
    return before + added > 0 ? (value * before + b.meanSquares[i]! * added) / (before + added) : value;
  });
  return { meanSquares, counts: a.counts.map((count, i) => count + b.counts[i]!) };
}
