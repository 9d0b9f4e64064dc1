// GPTQ's rounding. Twin of kernels/reference/compensate.ts: a few rows of the matrix at a time, turned, so that they lie in the lanes.

/** Columns whose errors are gathered before they reach the rest of the matrix. */
export const BATCH: i32 = 32;

/**
 * @param values  `[columns, rows]`, f32; changed
 * @param rows  a multiple of 8
 * @param order  the columns in the order in which they are rounded, u32
 * @param factor  `[columns, columns]` in that order, f32, upper triangular
 * @param scales  `[blocks, rows]`, f32
 * @param zeros  the same, f32
 * @param block  columns that share scales
 * @param errors  room for `[32, rows]` f32
 * @param codes  `[columns, rows]`, u8
 */
export function compensate(
  values: usize, rows: i32, columns: i32, order: usize, factor: usize, scales: usize, zeros: usize, block: i32, most: f32,
  errors: usize, codes: usize,
): void {
  const pitch = <usize>rows << 2;
  for (let start = 0; start < columns; start += BATCH) {
    const end = min(columns, start + BATCH);
    for (let i = start; i < end; i++) {
      const column = load<u32>(order + (<usize>i << 2));
      const own = factor + (<usize>i * columns << 2);
      const group = <usize>(column / <u32>block) * pitch;
      const from = values + <usize>column * pitch, error = errors + <usize>(i - start) * pitch;
      round(from, scales + group, zeros + group, most, 1 / load<f32>(own + (<usize>i << 2)), error, codes + <usize>column * rows, rows);
      passWithin(values, order, own, i, end, error, pitch);
    }
    passBehind(values, columns, order, factor, start, end, errors, pitch);
  }
}

/** What the columns of the same batch make up for, of the error of one. */
// @ts-ignore: decorator
@inline
export function passWithin(values: usize, order: usize, own: usize, i: i32, end: i32, error: usize, pitch: usize): void {
  for (let j = i + 1; j < end; j++) {
    const to = values + <usize>load<u32>(order + (<usize>j << 2)) * pitch;
    const share = v128.load32_splat(own + (<usize>j << 2));
    for (let at: usize = 0; at < pitch; at += 16) {
      v128.store(to + at, f32x4.sub(v128.load(to + at), f32x4.mul(v128.load(error + at), share)));
    }
  }
}

/** What all columns behind a batch make up for, of its errors. */
export function passBehind(values: usize, columns: i32, order: usize, factor: usize, start: i32, end: i32, errors: usize, pitch: usize): void {
  let j = end;
  for (; j + 4 <= columns; j += 4) {
    const next = order + (<usize>j << 2);
    subtractFour(
      values + <usize>load<u32>(next) * pitch, values + <usize>load<u32>(next, 4) * pitch,
      values + <usize>load<u32>(next, 8) * pitch, values + <usize>load<u32>(next, 12) * pitch,
      errors, factor + (<usize>start * columns + j << 2), <usize>columns << 2, end - start, pitch,
    );
  }
  for (; j < columns; j++) {
    const to = values + <usize>load<u32>(order + (<usize>j << 2)) * pitch;
    for (let i = start; i < end; i++) {
      const share = v128.load32_splat(factor + (<usize>i * columns + j << 2));
      const error = errors + <usize>(i - start) * pitch;
      for (let at: usize = 0; at < pitch; at += 16) {
        v128.store(to + at, f32x4.sub(v128.load(to + at), f32x4.mul(v128.load(error + at), share)));
      }
    }
  }
}

/** Codes of a column, and what rounding it loses over the diagonal of the factor. */
// @ts-ignore: decorator
@inline
function round(values: usize, scales: usize, zeros: usize, most: f32, inversePivot: f32, errors: usize, codes: usize, rows: i32): void {
  const nil = f32x4.splat(0), one = f32x4.splat(1), top = f32x4.splat(most), pivot = f32x4.splat(inversePivot);
  for (let row = 0; row < rows; row += 4) {
    const value = v128.load(values), scale = v128.load(scales), zero = v128.load(zeros);
    const inverse = v128.andnot(f32x4.div(one, scale), f32x4.eq(scale, nil));
    const t = f32x4.pmin(f32x4.pmax(f32x4.mul(value, inverse), f32x4.neg(zero)), f32x4.sub(top, zero));
    const q = f32x4.nearest(t);
    v128.store(errors, f32x4.mul(f32x4.sub(value, f32x4.mul(q, scale)), pivot));
    const code = i32x4.trunc_sat_f32x4_s(f32x4.add(q, zero));
    const narrow = i16x8.narrow_i32x4_s(code, code);
    v128.store32_lane(codes, i8x16.narrow_i16x8_u(narrow, narrow), 0);
    values += 16;
    scales += 16;
    zeros += 16;
    errors += 16;
    codes += 4;
  }
}

/** What four columns make up for, of the errors of a batch. */
// @ts-ignore: decorator
@inline
function subtractFour(a: usize, b: usize, c: usize, d: usize, errors: usize, factor: usize, factorPitch: usize, count: i32, pitch: usize): void {
  for (let at: usize = 0; at < pitch; at += 32) {
    let a0 = v128.load(a + at), a1 = v128.load(a + at, 16), b0 = v128.load(b + at), b1 = v128.load(b + at, 16);
    let c0 = v128.load(c + at), c1 = v128.load(c + at, 16), d0 = v128.load(d + at), d1 = v128.load(d + at, 16);
    let error = errors + at, share = factor;
    for (let i = 0; i < count; i++) {
      const e0 = v128.load(error), e1 = v128.load(error, 16);
      let each = v128.load32_splat(share);
      a0 = f32x4.sub(a0, f32x4.mul(e0, each));
      a1 = f32x4.sub(a1, f32x4.mul(e1, each));
      each = v128.load32_splat(share, 4);
      b0 = f32x4.sub(b0, f32x4.mul(e0, each));
      b1 = f32x4.sub(b1, f32x4.mul(e1, each));
      each = v128.load32_splat(share, 8);
      c0 = f32x4.sub(c0, f32x4.mul(e0, each));
      c1 = f32x4.sub(c1, f32x4.mul(e1, each));
      each = v128.load32_splat(share, 12);
      d0 = f32x4.sub(d0, f32x4.mul(e0, each));
      d1 = f32x4.sub(d1, f32x4.mul(e1, each));
      error += pitch;
      share += factorPitch;
    }
    v128.store(a + at, a0);
    v128.store(a + at, a1, 16);
    v128.store(b + at, b0);
    v128.store(b + at, b1, 16);
    v128.store(c + at, c0);
    v128.store(c + at, c1, 16);
    v128.store(d + at, d0);
    v128.store(d + at, d1, 16);
  }
}
