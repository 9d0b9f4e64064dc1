import { halfBits } from '../../core/half.ts';

const { fround } = Math;

/**
 * GGUF's Q4_0: 32 values in 18 bytes, a half and 32 codes around 8; the first value of largest magnitude gets code 0. Byte for byte
 * ggml's reference quantizer.
 * Source: quantize_row_q4_0_ref, https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c
 */
export function quantizeQ4_0(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / 32) * 18);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < values.length / 32; block++) {
    const part = values.subarray(block * 32, (block + 1) * 32);
    const extreme = part.reduce((peak, value) => (Math.abs(value) > Math.abs(peak) ? value : peak), 0);
    const scale = fround(extreme / -8);
    const inverse = scale === 0 ? 0 : fround(1 / scale);
    const code = (value: number) => Math.min(15, Math.trunc(fround(fround(value * inverse) + 8.5)));
    // An all-zero block's scale is minus zero in ggml, which the division above gives too.
    view.setUint16(block * 18, halfBits(scale), true);
    for (let i = 0; i < 16; i++) bytes[block * 18 + 2 + i] = code(part[i]!) | (code(part[i + 16]!) << 4);
  }
  return bytes;
}
