// Products of rows with rows, A Bᵀ. Twin of kernels/reference/multiply-rows.ts: every sum runs from the first column to the last.

/** Columns that run before the next rows: so many of eight rows stay in the first cache. */
const DEPTH: i32 = 512;
/** Rows of A that are taken together at most. */
const MOST_ROWS: i32 = 64;

/** The first column of four rows of A that is not zero, and the one behind the last. */
const BOUNDS: usize = memory.data((MOST_ROWS >> 2) * 8, 16);

/**
 * @param a  `[rows, columns]`, f32
 * @param rows  a multiple of 4, at most 64
 * @param columns  a multiple of 4
 * @param strips  `[others / 8, columns, 8]`, f32: eight rows of B each, turned
 * @param others  a multiple of 8
 * @param product  `[rows, others]`, f32
 */
export function multiplyRows(a: usize, rows: i32, columns: i32, strips: usize, others: i32, product: usize): void {
  const pitch = <usize>columns << 2, productPitch = <usize>others << 2;
  memory.fill(product, 0, <usize>rows * productPitch);
  for (let row = 0; row < rows; row += 4) findBounds(a + <usize>row * pitch, <usize>columns, BOUNDS + (<usize>row << 1));
  for (let start = 0; start < columns; start += DEPTH) {
    const end = min(start + DEPTH, columns);
    for (let other = 0; other < others; other += 8) {
      const strip = strips + <usize>other * pitch;
      const first = firstOf(strip, start, end), last = lastOf(strip, first, end);
      for (let row = 0; row < rows; row += 4) {
        const bounds = BOUNDS + (<usize>row << 1);
        const from = max(first, load<i32>(bounds)), to = min(last, load<i32>(bounds, 4));
        if (from < to) addProduct(a + <usize>row * pitch, pitch, strip, from, to, product + <usize>row * productPitch + (<usize>other << 2), productPitch);
      }
    }
  }
}

/** Of four rows, in steps of four columns. */
function findBounds(rows: usize, columns: usize, bounds: usize): void {
  let from: usize = 0, to = columns;
  while (from < to && areZero(rows, columns, from)) from += 4;
  while (to > from && areZero(rows, columns, to - 4)) to -= 4;
  store<i32>(bounds, <i32>from);
  store<i32>(bounds, <i32>to, 4);
}

// @ts-ignore: decorator
@inline
function areZero(rows: usize, columns: usize, column: usize): bool {
  const pitch = columns << 2, at = rows + (column << 2);
  const upper = v128.or(v128.load(at), v128.load(at + pitch)), lower = v128.or(v128.load(at + 2 * pitch), v128.load(at + 3 * pitch));
  return !v128.any_true(v128.or(upper, lower));
}

/** The first column of a strip that is not zero. */
// @ts-ignore: decorator
@inline
function firstOf(strip: usize, column: i32, end: i32): i32 {
  while (column < end && isZero(strip, column)) column++;
  return column;
}

/** The column behind the last one that is not zero. */
// @ts-ignore: decorator
@inline
function lastOf(strip: usize, start: i32, column: i32): i32 {
  while (column > start && isZero(strip, column - 1)) column--;
  return column;
}

// @ts-ignore: decorator
@inline
function isZero(strip: usize, column: i32): bool {
  const at = strip + (<usize>column << 5);
  return !v128.any_true(v128.or(v128.load(at), v128.load(at, 16)));
}

/** Four rows with eight, over some columns. */
function addProduct(a: usize, pitch: usize, strip: usize, from: i32, to: i32, product: usize, productPitch: usize): void {
  const p1 = product + productPitch, p2 = p1 + productPitch, p3 = p2 + productPitch;
  let s00 = v128.load(product), s01 = v128.load(product, 16), s10 = v128.load(p1), s11 = v128.load(p1, 16);
  let s20 = v128.load(p2), s21 = v128.load(p2, 16), s30 = v128.load(p3), s31 = v128.load(p3, 16);
  let at = a + (<usize>from << 2), b = strip + (<usize>from << 5);
  for (const stop = strip + (<usize>to << 5); b < stop; b += 32) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let each = v128.load32_splat(at);
    s00 = f32x4.add(s00, f32x4.mul(each, b0));
    s01 = f32x4.add(s01, f32x4.mul(each, b1));
    each = v128.load32_splat(at + pitch);
    s10 = f32x4.add(s10, f32x4.mul(each, b0));
    s11 = f32x4.add(s11, f32x4.mul(each, b1));
    each = v128.load32_splat(at + (pitch << 1));
    s20 = f32x4.add(s20, f32x4.mul(each, b0));
    s21 = f32x4.add(s21, f32x4.mul(each, b1));
    each = v128.load32_splat(at + (pitch << 1) + pitch);
    s30 = f32x4.add(s30, f32x4.mul(each, b0));
    s31 = f32x4.add(s31, f32x4.mul(each, b1));
    at += 4;
  }
  v128.store(product, s00);
  v128.store(product, s01, 16);
  v128.store(p1, s10);
  v128.store(p1, s11, 16);
  v128.store(p2, s20);
  v128.store(p2, s21, 16);
  v128.store(p3, s30);
  v128.store(p3, s31, 16);
}
