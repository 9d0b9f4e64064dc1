import type { NpyArray } from './write-npz.ts';

/** What of onnxruntime's tensors is used. */
export interface TensorLike {
  readonly type: string;
  readonly dims: readonly number[];
  /** Throws where the values are on a GPU. */
  readonly data: unknown;
  readonly location?: string;
}

/** onnxruntime's element types in numpy's words. */
const DESCR = {
  float32: '<f4',
  float64: '<f8',
  float16: '<f2',
  int8: '|i1',
  int16: '<i2',
  int32: '<i4',
  int64: '<i8',
  uint8: '|u1',
  uint16: '<u2',
  uint32: '<u4',
  uint64: '<u8',
  bool: '|b1',
  string: '<U',
} as const;

export function isTensor(value: unknown): value is TensorLike {
  return typeof value === 'object' && value !== null && 'type' in value && 'dims' in value && Array.isArray(value.dims);
}

/** A copy of a tensor, since applications fill the same buffer again; undefined where its values cannot be had from here. */
export function capture(value: unknown): NpyArray | undefined {
  if (!isTensor(value) || (value.location !== undefined && !value.location.startsWith('cpu'))) return undefined;
  const { type, dims, data } = value;
  if (!(type in DESCR)) return undefined;
  const descr = DESCR[type as keyof typeof DESCR];
  if (Array.isArray(data)) return { descr, shape: [...dims], data: data.map(String) };
  if (!ArrayBuffer.isView(data)) return undefined;
  return { descr, shape: [...dims], data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice() };
}

export function bytesOf({ data }: NpyArray): number {
  return data instanceof Uint8Array ? data.length : data.reduce((sum, { length }) => sum + 4 * length, 0);
}
