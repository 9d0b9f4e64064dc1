import type { Loops } from '../loops.ts';
import { fromBfloat16, toBfloat16 } from './bfloat16.ts';
import { dequantize } from './dequantize.ts';
import { fromHalf, toHalf } from './half.ts';
import { maskRows, maskTwoOfFour } from './mask.ts';
import { pack, unpack } from './pack.ts';
import { quantizeQ4_0 } from './q4-0.ts';
import { quantizeQ4_K } from './q4-k.ts';
import { quantizeQ8_0 } from './q8-0.ts';
import { quantize } from './quantize.ts';
import { summarize } from './summarize.ts';
import { transpose } from './transpose.ts';

const GGUF = { Q8_0: quantizeQ8_0, Q4_0: quantizeQ4_0, Q4_K: quantizeQ4_K };

/** The loops as a person would write them. Tests hold the WASM twin to these, bit for bit. */
export const reference: Loops = {
  quantize,
  dequantize,
  transpose,
  toHalf,
  fromHalf,
  toBfloat16,
  fromBfloat16,
  pack,
  unpack,
  summarize,
  quantizeGguf: (values, type) => GGUF[type](values),
  maskTwoOfFour,
  maskRows,
};
