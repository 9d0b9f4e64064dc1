import type { WritableBlock } from '../../../core/blocks/block-types.ts';
import type { BlockRounding } from '../../../core/kernels.ts';
import { quantizeQ3_K, quantizeQ6_K } from './k-quants-around-zero.ts';
import { quantizeQ2_K, quantizeQ4_K, quantizeQ5_K } from './k-quants-with-minimum.ts';
import {
  quantizeIQ1_M,
  quantizeIQ1_S,
  quantizeIQ2_S,
  quantizeIQ2_XS,
  quantizeIQ2_XXS,
  quantizeIQ3_S,
  quantizeIQ3_XXS,
} from './lattices.ts';
import { quantizeQ4_0, quantizeQ4_1, quantizeQ5_0, quantizeQ5_1, quantizeQ8_0 } from './plain.ts';
import { quantizeIQ4_NL, quantizeIQ4_XS, quantizeMXFP4 } from './tables.ts';
import { quantizeTQ1_0, quantizeTQ2_0 } from './ternary.ts';

/**
 * ggml's quantizers, with importances and without, byte for byte; and with better scales.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c
 */
export const GGML_QUANTIZERS: Readonly<Record<WritableBlock, (values: Float32Array, how?: BlockRounding) => Uint8Array>> = {
  Q8_0: quantizeQ8_0,
  Q4_0: quantizeQ4_0,
  Q4_1: quantizeQ4_1,
  Q5_0: quantizeQ5_0,
  Q5_1: quantizeQ5_1,
  Q2_K: quantizeQ2_K,
  Q3_K: quantizeQ3_K,
  Q4_K: quantizeQ4_K,
  Q5_K: quantizeQ5_K,
  Q6_K: quantizeQ6_K,
  IQ4_NL: quantizeIQ4_NL,
  IQ4_XS: quantizeIQ4_XS,
  MXFP4: quantizeMXFP4,
  TQ1_0: quantizeTQ1_0,
  TQ2_0: quantizeTQ2_0,
  IQ3_S: quantizeIQ3_S,
  IQ3_XXS: quantizeIQ3_XXS,
  IQ2_S: quantizeIQ2_S,
  IQ2_XS: quantizeIQ2_XS,
  IQ2_XXS: quantizeIQ2_XXS,
  IQ1_M: quantizeIQ1_M,
  IQ1_S: quantizeIQ1_S,
};
