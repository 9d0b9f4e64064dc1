import type { AffineLayout } from '../../../core/layout.ts';
import { e2m1 } from '../../../numeric/e2m1.ts';
import { bytesOfPart, nibblesOf, partOf, type Scheme } from './layer.ts';

/** Values that share a scale, and the bytes that they take. */
const [BLOCK, BYTES] = [32, 16];

/**
 * gpt-oss: the experts of a layer in one weight, in floats of 4 bits with a power of two for every 32 inputs. What is stored as `[experts, outputs, blocks, 16]` is the
 * weight `[experts, inputs, outputs]`.
 * Source: https://github.com/huggingface/transformers/blob/main/src/transformers/integrations/mxfp4.py, convert_moe_packed_tensors
 */
export function mxfp4(): Scheme {
  return {
    parts: ['blocks', 'scales'],
    marks: ['blocks'],
    separator: '_',
    async read(layer) {
      const stored = partOf(layer, 'blocks', ['u8'], [0, 0, 0, BYTES]);
      const [experts = 0, outputs = 0, blocks = 0] = stored.shape;
      const scales = partOf(layer, 'scales', ['u8', 'f8e8m0'], [experts, outputs, blocks]);
      const inputs = blocks * BLOCK;
      const layout: AffineLayout = {
        kind: 'affine',
        numeric: e2m1,
        outputs: [0, 2],
        block: BLOCK,
        scale: { kind: 'dense', dtype: 'f8e8m0' },
      };
      return {
        shape: [experts, inputs, outputs],
        layout,
        async load() {
          // codes lie in the order of outputs, as those of all weights that are seen as a matrix
          return { codes: nibblesOf(await bytesOfPart(stored)), scales: powersOf(await bytesOfPart(scales)) };
        },
      };
    },
  };
}

/** Powers of two, by the exponents of 32-bit floats. */
export function powersOf(exponents: Uint8Array): Float32Array {
  return Float32Array.from(exponents, (exponent) => (exponent === 255 ? Number.NaN : 2 ** (exponent - 127)));
}
