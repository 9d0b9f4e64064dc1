import { randomFor } from '../../src/core/random.ts';
import { levelOf, NEXT } from '../../src/kernels/reference/levels.ts';

/** A safetensors file with a tensor for every form that chunks take: tables by row and column, by the plane above, palette, mask, matches, duplicates. */
export function formsModel(): Uint8Array<ArrayBuffer> {
  const floats = normal('floats', 96 * 64, (i) => 0.02 * (1 + (Math.floor(i / 64) % 4)));
  return safetensorsOf([
    ['floats', 'F32', [96, 64], Float32Array.from(floats)],
    ['floats.again', 'F32', [96, 64], Float32Array.from(floats)],
    [
      'brain',
      'BF16',
      [96, 96],
      Uint16Array.from(
        normal('brain', 96 * 96, () => 1),
        (value) => new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16,
      ),
    ],
    [
      'codes',
      'I8',
      [256, 128],
      Int8Array.from(
        normal('codes', 256 * 128, (i) => (i < 16384 ? 3 : 20)),
        Math.round,
      ),
    ],
    [
      'palette',
      'F32',
      [64, 96],
      Float32Array.from(
        normal('palette', 64 * 96, () => 3),
        Math.round,
      ),
    ],
    [
      'sparse',
      'F32',
      [96, 96],
      Float32Array.from(
        normal('sparse', 96 * 96, () => 1),
        (value) => (Math.abs(value) < 1 ? 0 : value),
      ),
    ],
    ['repeats', 'F32', [64, 96], Float32Array.from({ length: 64 * 96 }, (_, i) => floats[i % 1536]!)],
    ['mirrored', 'F32', [64, 96], Float32Array.from({ length: 64 * 96 }, (_, i) => (i % 4 < 3 ? 1 : -1) * floats[i % 1536]!)],
    ['scale', 'F32', [96], Float32Array.from(normal('scale', 96, () => 1))],
    ['steps', 'I64', [3], BigInt64Array.of(1n, -1n, 64n)],
  ]);
}

/** One with levels of a trellis, by rows and by columns, and of none. */
export function levelsModel(): Uint8Array<ArrayBuffer> {
  const numbers = Int16Array.from(
    normal('levels', 128 * 80, (i) => 0.5 + (Math.floor(i / 80) % 6)),
    Math.round,
  );
  const byTrellis = (length: number, lineStride: number, stride: number) => {
    const levels = new Int16Array(numbers.length);
    let state = 0;
    numbers.forEach((number, i) => {
      if (i % length === 0) state = 0;
      levels[Math.floor(i / length) * lineStride + (i % length) * stride] = levelOf(number, state % 2);
      state = NEXT[state]![Math.abs(number % 2)]!;
    });
    return levels;
  };
  return safetensorsOf([
    ['rows', 'I16', [128, 80], byTrellis(80, 80, 1)],
    ['columns', 'I16', [128, 80], byTrellis(128, 1, 80)],
    ['plain', 'I16', [128, 80], numbers],
  ]);
}

type Tensors = readonly (readonly [name: string, dtype: string, shape: number[], values: ArrayBufferView])[];

function safetensorsOf(tensors: Tensors): Uint8Array<ArrayBuffer> {
  let end = 0;
  const entries = tensors.map(([name, dtype, shape, { byteLength }]) => {
    const begin = end;
    end += byteLength;
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const file = new Uint8Array(8 + json.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  let at = 8 + json.length;
  for (const [, , , { buffer, byteOffset, byteLength }] of tensors) {
    file.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return file;
}

/** Normal values; the deviation may depend on the place. */
function normal(name: string, count: number, deviation: (i: number) => number): Float64Array {
  const random = randomFor(0, name);
  return Float64Array.from({ length: count }, (_, i) => {
    const [u, v] = [random(), random()];
    return deviation(i) * Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
  });
}
