// (code - zero) * scale. Twin of kernels/reference/dequantize.ts.

// @ts-ignore: decorator
@inline
function decodeFour(codes: v128, zero: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(codes, zero)), scale);
}

export function dequantize(codes: usize, rows: i32, columns: i32, block: i32, scales: usize, zeros: usize, values: usize): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += block) {
      const count = min(block, columns - column);
      const step = load<f32>(scales);
      const middle = <i32>load<u8>(zeros);
      const scale = f32x4.splat(step), zero = i32x4.splat(middle);
      const count16 = count & ~15;
      let i = 0;
      for (; i < count16; i += 16) {
        const bytes = v128.load(codes);
        const lower = i16x8.extend_low_i8x16_u(bytes), upper = i16x8.extend_high_i8x16_u(bytes);
        v128.store(values, decodeFour(i32x4.extend_low_i16x8_u(lower), zero, scale));
        v128.store(values, decodeFour(i32x4.extend_high_i16x8_u(lower), zero, scale), 16);
        v128.store(values, decodeFour(i32x4.extend_low_i16x8_u(upper), zero, scale), 32);
        v128.store(values, decodeFour(i32x4.extend_high_i16x8_u(upper), zero, scale), 48);
        codes += 16;
        values += 64;
      }
      for (; i < count; i++) {
        store<f32>(values, <f32>(<i32>load<u8>(codes) - middle) * step);
        codes += 1;
        values += 4;
      }
      scales += 4;
      zeros += 1;
    }
  }
}
