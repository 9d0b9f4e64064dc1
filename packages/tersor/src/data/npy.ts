import type { Value, ValueData } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';

/** numpy writes headers of some hundred bytes; a longer one is damaged or hostile. */
const MAX_HEADER_BYTES = 65_536;

/** numpy itself ends at 64 dimensions. */
const MAX_RANK = 64;

const HEADER =
  /^\s*\{\s*'descr':\s*(?:'([^']*)'|(\[.*\]))\s*,\s*'fortran_order':\s*(True|False)\s*,\s*'shape':\s*\(((?:\s*\d+\s*,?)*)\s*\)\s*,?\s*\}\s*$/s;

type Parse = { readonly dtype: Value['dtype']; readonly bytes: number; read(buffer: ArrayBuffer): ValueData };

/** Element types by numpy's letter and size, read from little-endian bytes. */
const TYPES: Readonly<Record<string, Parse>> = {
  f2: { dtype: 'f16', bytes: 2, read: (buffer) => new Uint16Array(buffer) },
  f4: { dtype: 'f32', bytes: 4, read: (buffer) => new Float32Array(buffer) },
  f8: { dtype: 'f64', bytes: 8, read: (buffer) => new Float64Array(buffer) },
  i1: { dtype: 'i8', bytes: 1, read: (buffer) => new Int8Array(buffer) },
  i2: { dtype: 'i16', bytes: 2, read: (buffer) => new Int16Array(buffer) },
  i4: { dtype: 'i32', bytes: 4, read: (buffer) => new Int32Array(buffer) },
  i8: { dtype: 'i64', bytes: 8, read: (buffer) => new BigInt64Array(buffer) },
  u1: { dtype: 'u8', bytes: 1, read: (buffer) => new Uint8Array(buffer) },
  u2: { dtype: 'u16', bytes: 2, read: (buffer) => new Uint16Array(buffer) },
  u4: { dtype: 'u32', bytes: 4, read: (buffer) => new Uint32Array(buffer) },
  u8: { dtype: 'u64', bytes: 8, read: (buffer) => new BigUint64Array(buffer) },
  b1: { dtype: 'bool', bytes: 1, read: (buffer) => new Uint8Array(buffer) },
};

/**
 * An array of numpy's .npy format, versions 1 to 3, in row-major order. Text arrays become strings.
 * @throws DATA_INVALID when the bytes are not one, are too few or too many, or hold Python objects
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function parseNpy(bytes: Uint8Array, where: string): Value {
  const invalid = (what: string, hint = '') => new TersorError('DATA_INVALID', where, what, hint);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 10 || bytes[0] !== 0x93 || String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY')
    throw invalid('is not a numpy array');
  const start = bytes[6] === 1 ? 10 : 12;
  if (bytes[6]! < 1 || bytes[6]! > 3 || bytes.length < start) throw invalid(`has numpy format version ${bytes[6]}, which does not exist`);
  const length = start === 10 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES || start + length > bytes.length) throw invalid(`has a header of ${length} bytes, which does not fit`);
  const match = HEADER.exec(new TextDecoder().decode(bytes.subarray(start, start + length)));
  if (!match) throw invalid('has a header that numpy does not write');
  const [, descr, structure, fortran, dims = ''] = match;
  if (structure !== undefined || descr === undefined) throw invalid('is a structured array', 'save one plain array per input');
  const shape = dims
    .split(',')
    .filter((dim) => dim.trim() !== '')
    .map(Number);
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (shape.length > MAX_RANK || !Number.isSafeInteger(count)) throw invalid(`declares the shape [${shape}]`);
  const body = bytes.subarray(start + length);
  const value = descr.includes('U') ? parseText(descr, body, count, invalid) : parseNumbers(descr, body, count, invalid);
  const data = fortran === 'True' && shape.length > 1 ? rowMajor(value.data, shape) : value.data;
  return { dtype: value.dtype, shape, data };
}

type Invalid = (what: string, hint?: string) => TersorError;

function parseNumbers(descr: string, body: Uint8Array, count: number, invalid: Invalid): Pick<Value, 'dtype' | 'data'> {
  const type = TYPES[descr.slice(1)];
  if (!type || !'<>|='.includes(descr[0] ?? ' ')) {
    throw invalid(
      `holds elements of type '${descr}'`,
      descr.includes('O') ? 'Python objects are not read; save an array of numbers' : 'save an array of numbers',
    );
  }
  if (body.length !== count * type.bytes) throw invalid(`holds ${body.length} bytes where ${count * type.bytes} belong`);
  const copy = body.slice();
  if (descr[0] === '>') swapBytes(copy, type.bytes);
  return { dtype: type.dtype, data: type.read(copy.buffer) };
}

/** `<U12`: every string takes 12 code points of 4 bytes, padded with zeros. */
function parseText(descr: string, body: Uint8Array, count: number, invalid: Invalid): Pick<Value, 'dtype' | 'data'> {
  const width = /^[<|=]U(\d{1,7})$/.exec(descr)?.[1];
  if (width === undefined) throw invalid(`holds elements of type '${descr}'`, 'save text as a little-endian unicode array');
  const characters = Number(width);
  if (body.length !== count * characters * 4) throw invalid(`holds ${body.length} bytes where ${count * characters * 4} belong`);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const data = Array.from({ length: count }, (_, i) => {
    let text = '';
    for (let c = 0; c < characters; c++) {
      const point = view.getUint32((i * characters + c) * 4, true);
      if (point > 0x10ffff) throw invalid(`holds the character ${point}, which does not exist`);
      if (point > 0) text += String.fromCodePoint(point);
    }
    return text;
  });
  return { dtype: 'string', data };
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let i = 0; i + width <= bytes.length; i += width) bytes.subarray(i, i + width).reverse();
}

/** Column-major to row-major. */
function rowMajor(data: ValueData, shape: readonly number[]): ValueData {
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, dim) => product * dim, 1));
  const index = shape.map(() => 0);
  const result = data.slice();
  for (let i = 0; i < data.length; i++) {
    result[i] = data[index.reduce((sum, at, axis) => sum + at * strides[axis]!, 0)]!;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return result;
}
