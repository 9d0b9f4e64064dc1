/** `key: "location"` of an ONNX StringStringEntryProto, followed by the tag of its value. */
const LOCATION = Uint8Array.of(0x0a, 8, ...new TextEncoder().encode('location'), 0x12);

/** Longer file names exist on no file system. */
const MAX_NAME_BYTES = 4096;

/**
 * The files that an ONNX model keeps weights in, as it names them; names that leave the model's folder are left out.
 * Finds the entries by their bytes, so the model needs no parsing; text that only looks like one names a file that does not exist.
 */
export function externalFiles(model: Uint8Array): string[] {
  const bytes = Buffer.from(model.buffer, model.byteOffset, model.byteLength);
  const names = new Set<string>();
  for (let at = bytes.indexOf(LOCATION); at >= 0; at = bytes.indexOf(LOCATION, at + 1)) {
    const name = lengthPrefixed(bytes, at + LOCATION.length);
    if (name && !/^([\\/]|[A-Za-z]:)|(^|[\\/])\.\.([\\/]|$)|\0/.test(name)) names.add(name);
  }
  return [...names];
}

function lengthPrefixed(bytes: Buffer, at: number): string | undefined {
  const low = bytes[at] ?? 0;
  const long = low >= 128;
  const length = long ? low - 128 + (bytes[at + 1] ?? 0) * 128 : low;
  const start = at + (long ? 2 : 1);
  if (length === 0 || length > MAX_NAME_BYTES || start + length > bytes.length) return undefined;
  return bytes.toString('utf8', start, start + length);
}
