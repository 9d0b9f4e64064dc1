import { halfBits } from '../../core/half.ts';

const { fround } = Math;

/**
 * GGUF's Q8_0: 32 values in 34 bytes, a half and 32 signed codes. Byte for byte ggml's reference quantizer.
 * Source: quantize_row_q8_0_ref, https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c
 */
export function quantizeQ8_0(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / 32) * 34);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < values.length / 32; block++) {
    const part = values.subarray(block * 32, (block + 1) * 32);
    const scale = fround(part.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0) / 127);
    const inverse = scale === 0 ? 0 : fround(1 / scale);
    view.setUint16(block * 34, halfBits(scale), true);
    part.forEach((value, i) => {
      view.setInt8(block * 34 + 2 + i, roundAway(fround(value * inverse)));
    });
  }
  return bytes;
}

/** Half away from zero, as C's roundf. */
function roundAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value));
}
