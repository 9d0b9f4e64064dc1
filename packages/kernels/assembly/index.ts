// Everything the host can call. Memory from `heapBase` on is the host's; nothing here allocates.
export const heapBase: usize = __heap_base;
export { quantize } from './quantize';
export { dequantize } from './dequantize';
export { fromBfloat16, fromHalf, toBfloat16, toHalf } from './half';
export { peak } from './peak';
export { countBins, survey } from './histogram';
export { pack2, pack4, unpack2, unpack4 } from './pack';
export { summarizeTile } from './summarize';
export { quantizeQ4_0, quantizeQ4_1, quantizeQ5_0, quantizeQ5_1, quantizeQ8_0 } from './gguf';
export { quantizeQ2_K, quantizeQ4_K, quantizeQ5_K } from './gguf-k';
export { quantizeQ3_K, quantizeQ6_K } from './gguf-k-zero';
export { quantizeIQ4_NL, quantizeIQ4_XS } from './gguf-tables';
export { transpose1, transpose4 } from './transpose';
export { inverseFactor } from './inverse-factor';
export { compensate } from './compensate';
export { maskRows, maskTwoOfFour } from './mask';
export { quantizeIQ1_M, quantizeIQ1_S, quantizeIQ2_S, quantizeIQ2_XS, quantizeIQ2_XXS, quantizeIQ3_S, quantizeIQ3_XXS } from './gguf-lattice-types';
