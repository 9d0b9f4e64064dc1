import { BITS, type DType, FLOATS, type Shape } from '../../../core/dtype.ts';
import { TersorError } from '../../../core/error.ts';
import type { AffineLayout } from '../../../core/layout.ts';
import type { Weight } from '../../../core/model.ts';
import type { AffineTensor } from '../../../core/tensor.ts';

/** The stored parts of one layer, by the ends of their names: `qweight`, `scales`. */
export interface StoredLayer {
  /** The module's name, which the names of its parts begin with. */
  readonly name: string;
  readonly parts: ReadonlyMap<string, Weight>;
}

/** The weight that parts make up. */
export interface StoredWeight {
  readonly shape: Shape;
  readonly layout: AffineLayout;
  /** @throws FILE_CORRUPT where values contradict each other */
  load(): Promise<Omit<AffineTensor, 'kind' | 'shape' | 'layout'>>;
}

/** One that no layout says the codes of: decoded to 32-bit floats. */
export interface DecodedWeight {
  readonly shape: Shape;
  values(): Promise<Float32Array>;
}

/** A way in which a package of Python stores quantized layers. */
export interface Scheme {
  /** Ends of the names of parts, and what takes part of one that has them. */
  readonly parts: readonly string[];
  /** Parts that no other layer has: any of them says that a layer is stored so. */
  readonly marks: readonly string[];
  /** What comes between a module and a part; the weight is the module's own parameter where it is no dot. */
  readonly separator?: '_';
  /** @throws FILE_CORRUPT where parts contradict each other or the settings, FILE_UNSUPPORTED */
  read(layer: StoredLayer): Promise<StoredWeight | DecodedWeight>;
}

/** @throws FILE_CORRUPT when it is missing, or of another type or shape; a length of 0 stands for any */
export function partOf({ name, parts }: StoredLayer, end: string, dtypes: readonly DType[], shape: Shape): Weight {
  const part = parts.get(end);
  if (!part) throw corrupt(`${name}.${end}`, 'is missing, and the layer has other parts of a quantized one');
  const fits = part.shape.length === shape.length && shape.every((length, axis) => length === 0 || length === part.shape[axis]);
  if (part.layout.kind !== 'dense' || !dtypes.includes(part.layout.dtype) || !fits) {
    const wanted = `${dtypes.join(' or ')} [${shape.map((length) => length || 'any')}]`;
    throw corrupt(part.id, `is ${part.dtype} [${part.shape}], where the layer's settings make it ${wanted}`);
  }
  return part;
}

/** Types of scales. */
export const SCALES: readonly DType[] = FLOATS;

/** The type of a part that is known to be dense. */
export function dtypeOf({ layout }: Weight): DType {
  return layout.kind === 'dense' ? layout.dtype : 'f32';
}

export async function bytesOfPart(part: Weight): Promise<Uint8Array> {
  const tensor = await part.load();
  if (tensor.kind !== 'dense') throw new TersorError('INTERNAL', part.id, `was loaded as ${tensor.kind}`);
  return tensor.bytes;
}

export async function wordsOf(part: Weight): Promise<Uint32Array> {
  return new Uint32Array((await bytesOfPart(part)).slice().buffer);
}

/** Where a run of codes lies in 32-bit words, the low bits first; codes may reach into the next word. */
export interface Run {
  readonly bits: number;
  readonly count: number;
  /** The first word, and the distance to the next. */
  readonly at: number;
  readonly step: number;
}

/** Unpacks a run of codes to `codes`, from `to` on. */
export function unpack(words: Uint32Array, { bits, count, at, step }: Run, codes: Uint8Array, to: number): void {
  const mask = 2 ** bits - 1;
  for (let i = 0; i < count; i++) {
    const bit = i * bits;
    const place = at + Math.floor(bit / 32) * step;
    const from = bit % 32;
    let code = words[place]! >>> from;
    if (from + bits > 32) code |= words[place + step]! << (32 - from);
    codes[to + i] = code & mask;
  }
}

/** `[rows, columns]` the other way round. */
export function flipped<T extends Float32Array | Uint8Array>(values: T, rows: number, columns: number): T {
  const result = values.slice() as T;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column]!;
  return result;
}

/** Pairs of 4-bit codes, the low bits first. */
export function nibblesOf(bytes: Uint8Array): Uint8Array {
  const codes = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    codes[2 * i] = bytes[i]! & 15;
    codes[2 * i + 1] = bytes[i]! >> 4;
  }
  return codes;
}

/** The number of each input's block, where they are no neighbours. @throws FILE_CORRUPT */
export async function orderOf(part: Weight, blocks: number): Promise<Uint32Array> {
  const order = await wordsOf(part);
  const wrong = order.find((block) => block >= blocks);
  if (wrong !== undefined) throw corrupt(part.id, `says block ${wrong | 0}, and there are ${blocks}`);
  return order;
}

/** Words that so many codes take. */
export function wordsFor(count: number, bits: number): number {
  return Math.ceil((count * bits) / BITS.i32);
}

export function corrupt(where: string, what: string): TersorError {
  return new TersorError('FILE_CORRUPT', where, what, 'is quantization_config of config.json the one that it was stored with?');
}

export function unsupported(what: string, hint: string): TersorError {
  return new TersorError('FILE_UNSUPPORTED', 'quantization_config', what, hint);
}
