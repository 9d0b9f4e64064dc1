import { elementsOf } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import type { Attribute, WeightId } from '../../core/graph.ts';
import type { Weight } from '../../core/model.ts';
import type { DenseTensor, SparseTensor } from '../../core/tensor.ts';
import { loadFrom } from '../ranges.ts';
import { encodeBytes } from './proto/encode.ts';
import { MAX_RANK, MAX_SPARSE_ELEMENTS } from './proto/limits.ts';
import { SPARSE, TENSOR } from './proto/schema.ts';
import { concatenate, corrupt, fieldsOf, payloadOf } from './proto/wire.ts';
import type { Reading } from './reading.ts';
import { dimensions, loadValues, readTensor, type StoredTensor } from './tensor.ts';

/** What ONNX alone knows about a weight; kept when a method spreads the weight into a new one. */
export interface OnnxWeight extends Weight {
  /** Bytes of the encoded `string_data` fields; of text weights only. */
  readonly textBytes?: number;
  /** Documentation and fields of later versions, as encoded. */
  readonly extra?: Uint8Array;
}

/** Text weights hold their encoded `string_data` fields; their layout says bytes, their shape counts strings. */
function weightOf(id: WeightId, tensor: StoredTensor, where: string): OnnxWeight {
  const { dtype, shape, values, extra } = tensor;
  const stored = values.kind === 'bytes' ? values.length : values.pieces.reduce((sum, { length }) => sum + length, 0);
  const layout = { kind: 'dense', dtype: dtype === 'string' ? 'u8' : dtype } as const;
  const load = async (): Promise<DenseTensor> => ({
    ...layout,
    shape: dtype === 'string' ? [stored] : shape,
    bytes: await loadValues(tensor, where),
  });
  return {
    id,
    shape,
    dtype,
    load: values.kind === 'bytes' ? loadFrom(values, dtype === 'string' ? [stored] : shape, layout) : load,
    layout,
    ...(dtype === 'string' && { textBytes: stored }),
    ...(extra && { extra }),
  };
}

/** Declares a weight; one that lies in the same external bytes as an earlier one is the same weight. */
export async function declareTensor(message: Uint8Array, reading: Reading, path: string, rename?: string): Promise<[string, WeightId]> {
  const where = `${reading.name}${path && `, ${path}`}`;
  const tensor = await readTensor(message, reading, where);
  const name = rename ?? tensor.name;
  if (name === '') throw corrupt(where, 'an initializer has no name');
  const { values, dtype, shape } = tensor;
  const place =
    values.kind === 'bytes' && values.external && values.length > 0
      ? `${values.source.name}:${values.offset}:${values.length}:${dtype}:${shape}`
      : undefined;
  const tied = place === undefined ? undefined : reading.places.get(place);
  if (tied !== undefined) return [name, tied];
  const id = reading.identify(path, name);
  if (place !== undefined) reading.places.set(place, id);
  reading.weights.set(id, weightOf(id, tensor, `${where}, weight "${name}"`));
  return [name, id];
}

/** Declares a SparseTensorProto. @throws FILE_CORRUPT, FILE_LIMIT when it would not fit any memory as dense */
export async function declareSparse(message: Uint8Array, reading: Reading, path: string, rename?: string): Promise<[string, WeightId]> {
  const where = `${reading.name}${path && `, ${path}`}, sparse weight`;
  const [values, indices]: [Uint8Array[], Uint8Array[]] = [[], []];
  const shape: number[] = [];
  for (const field of fieldsOf(message, where)) {
    if (field.number === SPARSE.values) values.push(payloadOf(field, where));
    else if (field.number === SPARSE.indices) indices.push(payloadOf(field, where));
    else if (field.number === SPARSE.dims) shape.push(...dimensions(field, where, MAX_RANK - shape.length));
  }
  const nonzero = await readTensor(concatenate(values), reading, where);
  const positions = await readTensor(concatenate(indices), reading, where);
  const name = rename ?? nonzero.name;
  if (name === '') throw corrupt(where, 'an initializer has no name');
  const id = reading.identify(path, name);
  reading.weights.set(id, sparseWeight(id, shape, nonzero, positions, `${where} "${name}"`));
  return [name, id];
}

function sparseWeight(id: WeightId, shape: readonly number[], values: StoredTensor, positions: StoredTensor, where: string): OnnxWeight {
  const { dtype } = values;
  if (dtype === 'string') throw new TersorError('FILE_UNSUPPORTED', where, 'holds text', 'ONNX runtimes do not read that');
  const count = elementsOf(values.shape);
  const perValue = positions.shape.length === 2 ? shape.length : 1;
  if (
    values.shape.length !== 1 ||
    positions.dtype !== 'i64' ||
    positions.shape[0] !== count ||
    elementsOf(positions.shape) !== count * perValue
  ) {
    throw corrupt(where, `${values.dtype} [${values.shape}] with ${positions.dtype} positions [${positions.shape}] in [${shape}]`);
  }
  if (!(elementsOf(shape) <= MAX_SPARSE_ELEMENTS)) throw new TersorError('FILE_LIMIT', where, `[${shape}] does not fit into memory`);
  return {
    id,
    shape,
    dtype,
    layout: { kind: 'sparse', nonzero: count, values: { kind: 'dense', dtype } },
    load: async (): Promise<SparseTensor> => ({
      kind: 'sparse',
      shape,
      values: { kind: 'dense', dtype, shape: [count], bytes: await loadValues(values, where) },
      indices: flatIndices(await loadValues(positions, where), shape, perValue, where),
    }),
  };
}

/** Flat row-major positions from flat ones or from coordinates. @throws FILE_CORRUPT when they leave the shape or do not ascend */
function flatIndices(bytes: Uint8Array, shape: readonly number[], perValue: number, where: string): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flat = new Float64Array(bytes.length / 8 / perValue);
  const limits = perValue === 1 ? [elementsOf(shape)] : shape;
  for (let i = 0, at = 0; i < flat.length; i++) {
    let position = 0;
    for (const limit of limits) {
      const coordinate = view.getBigInt64(at, true);
      if (coordinate < 0n || coordinate >= BigInt(limit)) throw corrupt(where, `a position ${coordinate} of ${limit}`);
      position = position * limit + Number(coordinate);
      at += 8;
    }
    if (i > 0 && position <= flat[i - 1]!) throw corrupt(where, 'positions that do not ascend');
    flat[i] = position;
  }
  return flat;
}

/** Declares the value of a Constant that keeps it in a plain attribute. @returns undefined when it is no such attribute */
export function declarePlain(
  attribute: string,
  value: Attribute,
  reading: Reading,
  path: string,
  name: string,
): [string, WeightId] | undefined {
  const tensor = plainTensor(attribute, value);
  if (!tensor) return undefined;
  const id = reading.identify(path, name);
  const { dtype, shape, bytes } = tensor;
  const dense: DenseTensor = {
    kind: 'dense',
    dtype: dtype === 'string' ? 'u8' : dtype,
    shape: dtype === 'string' ? [bytes.length] : shape,
    bytes,
  };
  const layout = { kind: 'dense', dtype: dense.dtype } as const;
  const weight: OnnxWeight = { id, shape, dtype, layout, load: async () => dense, ...(dtype === 'string' && { textBytes: bytes.length }) };
  reading.weights.set(id, weight);
  return [name, id];
}

function plainTensor(
  name: string,
  { kind, value }: Attribute,
): (Omit<DenseTensor, 'dtype' | 'kind'> & { dtype: 'f32' | 'i64' | 'string' }) | undefined {
  if (name === 'value_float' && kind === 'float') return { dtype: 'f32', shape: [], bytes: bytesOf(Float32Array.of(value)) };
  if (name === 'value_floats' && kind === 'floats')
    return { dtype: 'f32', shape: [value.length], bytes: bytesOf(Float32Array.from(value)) };
  if (name === 'value_int' && kind === 'int') return { dtype: 'i64', shape: [], bytes: bytesOf(BigInt64Array.of(value)) };
  if (name === 'value_ints' && kind === 'ints') return { dtype: 'i64', shape: [value.length], bytes: bytesOf(BigInt64Array.from(value)) };
  if (name === 'value_string' && kind === 'string') return { dtype: 'string', shape: [], bytes: encodeBytes(TENSOR.strings, value) };
  if (name !== 'value_strings' || kind !== 'strings') return undefined;
  return { dtype: 'string', shape: [value.length], bytes: concatenate(value.map((text) => encodeBytes(TENSOR.strings, text))) };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
