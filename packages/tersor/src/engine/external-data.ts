/** `key: "location"` of an ONNX StringStringEntryProto, followed by the tag of its value. */
const LOCATION = Uint8Array.of(0x0a, 8, ...new TextEncoder().encode('location'), 0x12);

/** Longer file names exist on no file system. */
const MAX_NAME_BYTES = 4096;

/**
 * The files that an ONNX model keeps weights in, as it names them; names that leave the model's folder are left out.
 * Finds the entries by their bytes, so the model needs no parsing; text that only looks like one names a file that does not exist.
 */
export function externalFiles(model: Uint8Array): string[] {
  const names = new Set<string>();
  for (let at = indexOfLocation(model, 0); at >= 0; at = indexOfLocation(model, at + 1)) {
    const name = lengthPrefixed(model, at + LOCATION.length);
    if (name && isInside(name)) names.add(name);
  }
  return [...names];
}

/** Whether a name of external data stays in the model's folder. */
export function isInside(name: string): boolean {
  return !/^([\\/]|[A-Za-z]:)|(^|[\\/])\.\.([\\/]|$)|\0/.test(name);
}

/** Looks for a rare byte, which is quick, and then around it. */
function indexOfLocation(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LOCATION[0]!, from); at >= 0; at = bytes.indexOf(LOCATION[0]!, at + 1)) {
    if (LOCATION.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

function lengthPrefixed(bytes: Uint8Array, at: number): string | undefined {
  const low = bytes[at] ?? 0;
  const long = low >= 128;
  const length = long ? low - 128 + (bytes[at + 1] ?? 0) * 128 : low;
  const start = at + (long ? 2 : 1);
  if (length === 0 || length > MAX_NAME_BYTES || start + length > bytes.length) return undefined;
  return new TextDecoder().decode(bytes.subarray(start, start + length));
}
