import { zipSync } from 'fflate';

/** An array of a .npz file. */
export interface NpyArray {
  /** numpy's name of the element type: `<f4`; `<U` for text. */
  readonly descr: string;
  readonly shape: readonly number[];
  /** Little-endian bytes, row-major. */
  readonly data: Uint8Array | readonly string[];
}

/** numpy aligns what follows a header. */
const ALIGNMENT = 64;

/**
 * Bytes of an .npz file, as `numpy.savez` writes it: not compressed, so that writing costs next to nothing.
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function writeNpz(arrays: ReadonlyMap<string, NpyArray>): Uint8Array {
  return zipSync(Object.fromEntries([...arrays].map(([name, array]) => [`${name}.npy`, npy(array)])), { level: 0 });
}

function npy({ descr, shape, data }: NpyArray): Uint8Array {
  const { type, body } = data instanceof Uint8Array ? { type: descr, body: data } : text(data);
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${dims}), }`;
  const start = 10;
  const end = Math.ceil((start + header.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(end + body.length).fill(0x20, start, end);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0]);
  new DataView(bytes.buffer).setUint16(8, end - start, true);
  bytes.set(new TextEncoder().encode(header), start);
  bytes[end - 1] = 0x0a;
  bytes.set(body, end);
  return bytes;
}

/** Every string takes as many code points of 4 bytes as the longest. */
function text(strings: readonly string[]): { readonly type: string; readonly body: Uint8Array } {
  const points = strings.map((string) => Array.from(string, (character) => character.codePointAt(0) ?? 0));
  const width = points.reduce((most, { length }) => Math.max(most, length), 1);
  const body = new Uint32Array(strings.length * width);
  for (const [i, row] of points.entries()) body.set(row, i * width);
  return { type: `<U${width}`, body: new Uint8Array(body.buffer) };
}
