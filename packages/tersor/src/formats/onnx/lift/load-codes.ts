import { decode } from '../../../core/decode.ts';
import { BITS, type DType, elementsOf } from '../../../core/dtype.ts';
import { TersorError } from '../../../core/error.ts';
import type { Weight } from '../../../core/model.ts';
import type { DenseTensor } from '../../../core/tensor.ts';

/** Integer types that hold codes, and what code means zero: signed ones are moved up, so that no code is negative. */
const ZERO_CODES: Partial<Record<DType | 'string', number>> = { i8: 128, u8: 0, i4: 8, u4: 0, i2: 2, u2: 0 };

/** The bits of codes of this type, and the code of zero; undefined when it is no type for codes. */
export function codesIn(dtype: Weight['dtype']): { readonly bits: number; readonly zero: number } | undefined {
  const zero = ZERO_CODES[dtype];
  return zero === undefined || dtype === 'string' ? undefined : { bits: BITS[dtype], zero };
}

/** Elements of an integer type as codes, one a byte. */
export async function loadCodes(weight: Weight): Promise<Uint8Array> {
  const { dtype, bytes } = await loadPlain(weight);
  const { bits, zero } = codesIn(dtype) ?? { bits: 8, zero: 0 };
  const codes = bits === 8 ? bytes : unpack(bytes, bits, elementsOf(weight.shape));
  return zero === 0 ? codes : codes.map((code) => code ^ zero);
}

/** Codes that were packed into bytes, low bits first. */
export function unpack(bytes: Uint8Array, bits: number, count: number): Uint8Array {
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  const codes = new Uint8Array(count);
  for (let i = 0; i < count; i++) codes[i] = (bytes[Math.floor(i / perByte)]! >> ((i % perByte) * bits)) & mask;
  return codes;
}

/** The first `length` of every `full` codes. */
export function cutRows(codes: Uint8Array, full: number, length: number): Uint8Array {
  if (full === length) return codes;
  const rows = codes.length / full;
  const result = new Uint8Array(rows * length);
  for (let row = 0; row < rows; row++) result.set(codes.subarray(row * full, row * full + length), row * length);
  return result;
}

export async function loadFloats(weight: Weight): Promise<Float32Array> {
  return decode(await loadPlain(weight));
}

async function loadPlain(weight: Weight): Promise<DenseTensor> {
  const tensor = await weight.load();
  if (tensor.kind === 'dense') return tensor;
  throw new TersorError('INTERNAL', weight.id, `is a part of a weight and loads as ${tensor.kind}`);
}
