import { fromHalf, halfBits } from '../../src/core/half.ts';
import { randomFor } from '../../src/core/random.ts';
import { levelOf, NEXT } from '../../src/core/trellis.ts';
import { fromBfloat16, toBfloat16 } from '../../src/kernels/reference/bfloat16.ts';

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

/**
 * A model and what became of it: weights that moved a little, or by one step, or not at all, that were renamed, that have grown or are new; special values; and in its
 * header a line more.
 */
export function tunedModels(): { readonly base: Uint8Array<ArrayBuffer>; readonly tuned: Uint8Array<ArrayBuffer> } {
  const count = 96 * 64;
  const floats = Float32Array.from(normal('floats', count, () => 0.05));
  const moved = floats.map((value, i) => value + 1e-4 * normalAt(i));
  const brain = brainOf(floats);
  const codes = Int8Array.from(
    normal('codes', count, () => 20),
    Math.round,
  );
  const packed = Uint8Array.from({ length: count }, (_, i) => (i * 37 + (i >> 3)) & 255);
  const odd = Uint32Array.from({ length: count }, (_, i) => SPECIAL[i % SPECIAL.length]!);
  const doubles = Float64Array.from(floats.subarray(0, 3072));
  const names = (extra: string) => ({ format: 'pt', note: `a model for tests${extra}` });
  const base: Tensors = [
    ['moved', 'F32', [96, 64], floats],
    ['brain', 'BF16', [96, 64], brain],
    ['codes', 'I8', [96, 64], codes],
    ['packed', 'U8', [96, 64], packed],
    ['odd', 'F32', [96, 64], odd],
    ['doubles', 'F64', [48, 64], doubles],
    ['model.renamed', 'F32', [80, 64], floats.subarray(0, 5120)],
    ['grown', 'BF16', [96, 96], brainOf(Float32Array.from(normal('grown', 9216, () => 1)))],
    ['scale', 'F32', [64], floats.subarray(0, 64)],
  ];
  const tuned: Tensors = [
    ['moved', 'F32', [96, 64], moved],
    ['brain', 'BF16', [96, 64], brainOf(moved.map((value, i) => value + 1e-3 * normalAt(i + 7)))],
    ['codes', 'I8', [96, 64], codes.map((code, i) => (i % 5 === 0 ? code + 1 : code))],
    ['packed', 'U8', [96, 64], packed.map((byte, i) => (i % 3 === 0 ? byte ^ 16 : byte))],
    ['odd', 'F32', [96, 64], odd.map((bits, i) => (i % 2 === 0 ? bits : (bits ^ 1) >>> 0))],
    ['doubles', 'F64', [48, 64], doubles.map((value) => value * (1 + 2 ** -30))],
    ['new', 'F32', [32, 64], moved.subarray(1024, 3072)],
    ['renamed', 'F32', [80, 64], floats.subarray(0, 5120)],
    ['grown', 'BF16', [100, 96], brainOf(Float32Array.from(normal('grown', 9600, () => 1)))],
    ['scale', 'F32', [64], floats.subarray(64, 128)],
  ];
  return { base: safetensorsOf(base, names('')), tuned: safetensorsOf(tuned, names(', fine-tuned')) };
}

/** A model, and the same with one number added to or taken from all values of a matrix, or of each row, as f32, f16 and bf16. */
export function signsPair(): { readonly base: Uint8Array<ArrayBuffer>; readonly tuned: Uint8Array<ArrayBuffer> } {
  const floats = Float32Array.from(normal('signs', 160 * 64, () => 0.05));
  const add = (scaleOf: (row: number) => number) =>
    floats.map((value, i) => value + (normalAt(i) < 0 ? -1 : 1) * Math.fround(scaleOf(i >> 6)));
  const [half, brain] = [Uint16Array.from(floats, halfBits), brainOf(floats)];
  const byHalf = fromHalf(half).map((value, i) => value + (normalAt(i) < 0 ? -1 : 1) * Math.fround(0.00131));
  const byBrain = fromBfloat16(brain).map((value, i) => value + (normalAt(i) < 0 ? -1 : 1) * Math.fround(0.00071));
  return {
    base: safetensorsOf([
      ['matrix', 'F32', [160, 64], floats],
      ['rows', 'F32', [160, 64], floats],
      ['half', 'F16', [160, 64], half],
      ['brain', 'BF16', [160, 64], brain],
    ]),
    tuned: safetensorsOf([
      ['matrix', 'F32', [160, 64], add(() => 0.00123)],
      ['rows', 'F32', [160, 64], add((row) => 0.001 * (1 + row))],
      ['half', 'F16', [160, 64], Uint16Array.from(byHalf, halfBits)],
      ['brain', 'BF16', [160, 64], toBfloat16(byBrain)],
    ]),
  };
}

/** A model that was fine-tuned a little: rows of a matrix by more and more, and a vector. */
export function differencePair(): { readonly base: Uint8Array<ArrayBuffer>; readonly tuned: Uint8Array<ArrayBuffer> } {
  const floats = Float32Array.from(normal('difference', 128 * 96, () => 0.05));
  const steps = normal('steps', 128 * 96, (i) => 1e-4 * (1 + (i >> 10)));
  const moved = floats.map((value, i) => value + steps[i]!);
  const of = (values: Float32Array) =>
    safetensorsOf([
      ['matrix', 'F32', [128, 96], values],
      ['brain', 'BF16', [128, 96], brainOf(values)],
      ['vector', 'F32', [64], values.subarray(0, 64)],
    ]);
  return { base: of(floats), tuned: of(moved) };
}

/** Weights of 8-bit integers, some by rows, some by columns, and a vector of floats. */
export function integersModel(): Uint8Array<ArrayBuffer> {
  const of = (name: string, count: number, deviation: (i: number) => number) =>
    Int8Array.from(normal(name, count, deviation), (value) => Math.max(-127, Math.min(127, Math.round(value))));
  return safetensorsOf([
    ['rows', 'I8', [128, 160], of('by rows', 20480, (i) => 8 + (Math.floor(i / 160) % 5) * 8)],
    ['columns', 'I8', [160, 128], of('by columns', 20480, (i) => 10 + ((i % 128) >> 2))],
    ['scales', 'F32', [128], Float32Array.from(normal('scales', 128, () => 0.01))],
  ]);
}

/** A pair of a kilobyte. */
export function tinyPair(): { readonly base: Uint8Array<ArrayBuffer>; readonly tuned: Uint8Array<ArrayBuffer> } {
  const floats = Float32Array.from(normal('tiny', 128, () => 0.05));
  const moved = floats.map((value, i) => value + 1e-4 * normalAt(i));
  return {
    base: safetensorsOf([
      ['brain', 'BF16', [8, 16], brainOf(floats)],
      ['same', 'F32', [8], floats.subarray(0, 8)],
    ]),
    tuned: safetensorsOf([
      ['brain', 'BF16', [8, 16], brainOf(moved)],
      ['same', 'F32', [8], floats.subarray(0, 8)],
    ]),
  };
}

/** Zeros of both signs, the least, the largest, infinities and what is no number, one of them with a payload. */
const SPECIAL = [0, 0x80000000, 1, 0x80000001, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x3f800000];

function brainOf(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, (value) => new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16);
}

function normalAt(i: number): number {
  return Math.sin(i * 12.9898) + Math.sin(i * 78.233);
}

type Tensors = readonly (readonly [name: string, dtype: string, shape: number[], values: ArrayBufferView])[];

function safetensorsOf(tensors: Tensors, metadata?: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  let end = 0;
  const entries = tensors.map(([name, dtype, shape, { byteLength }]) => {
    const begin = end;
    end += byteLength;
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const json = new TextEncoder().encode(JSON.stringify({ ...(metadata && { __metadata__: metadata }), ...Object.fromEntries(entries) }));
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
