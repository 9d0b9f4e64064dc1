import type { Value } from './engine.ts';
import { fromHalf } from './half.ts';

/** A value as numbers; text has none. 64-bit integers are rounded to doubles. */
export function numbersOf({ dtype, data }: Value): Float32Array | Float64Array | undefined {
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  if (dtype === 'string') return undefined;
  if (dtype === 'f16' && data instanceof Uint16Array) return fromHalf(data);
  return Float64Array.from(data, Number);
}
