/**
 * Messages with typed arrays as bytes, for where there is no structured clone: the length of a JSON header (4 bytes, little endian), the header, padding
 * to 8 bytes, then the arrays one after the other, each padded to 8 bytes. In the header `{ "$": type, at, length }` stands for an array.
 */

const ARRAYS = {
  Float32Array,
  Float64Array,
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
} as const;

type ArrayName = keyof typeof ARRAYS;

const ALIGNMENT = 8;

export function encodeFrame(message: unknown): Uint8Array<ArrayBuffer>[] {
  const arrays: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  const describe = (view: ArrayBufferView) => {
    const name = nameOf(view);
    // copied, since memory that is shared or of WebAssembly cannot be sent
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
    const described = { $: name, at, length: bytes.length / ARRAYS[name].BYTES_PER_ELEMENT };
    const pad = padding(bytes.length);
    arrays.push(bytes, pad);
    at += bytes.length + pad.length;
    return described;
  };
  const text = new TextEncoder().encode(JSON.stringify(plain(message, describe)));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length, true);
  return [length, text, padding(4 + text.length), ...arrays];
}

function plain(value: unknown, describe: (view: ArrayBufferView) => unknown): unknown {
  if (value === undefined) return { $: 'undefined' };
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return describe(value);
  if (Array.isArray(value)) return value.map((item) => plain(item, describe));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, describe)]));
}

/** @throws RangeError, SyntaxError for what is no frame */
export function decodeFrame(bytes: Uint8Array<ArrayBuffer>): unknown {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  const header: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return restore(header, bytes, 4 + length + padding(4 + length).length);
}

function restore(value: unknown, bytes: Uint8Array<ArrayBuffer>, start: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => restore(item, bytes, start));
  if ('$' in value && value.$ === 'undefined') return undefined;
  if ('$' in value && isArrayName(value.$) && 'at' in value && 'length' in value)
    return arrayAt(value.$, bytes, start + Number(value.at), Number(value.length));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restore(item, bytes, start)]));
}

function arrayAt(name: ArrayName, bytes: Uint8Array<ArrayBuffer>, at: number, length: number) {
  const Of = ARRAYS[name];
  const offset = bytes.byteOffset + at;
  if (at < 0 || at + length * Of.BYTES_PER_ELEMENT > bytes.byteLength) throw new RangeError('an array reaches past the end of its message');
  if (offset % Of.BYTES_PER_ELEMENT === 0) return new Of(bytes.buffer, offset, length);
  return new Of(bytes.slice(at, at + length * Of.BYTES_PER_ELEMENT).buffer);
}

function nameOf(view: ArrayBufferView): ArrayName {
  const name = view.constructor.name;
  return isArrayName(name) ? name : 'Uint8Array'; // Node's Buffer
}

function isArrayName(name: unknown): name is ArrayName {
  return typeof name === 'string' && Object.hasOwn(ARRAYS, name);
}

function padding(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}
