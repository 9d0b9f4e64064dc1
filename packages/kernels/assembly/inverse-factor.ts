// The upper triangular U with A⁻¹ = UᵀU. Twin of kernels/reference/inverse-factor.ts: every element meets the others in the same order, in blocks
// that stay in the cache.

const BLOCK: i32 = 32;
/** How far products run before the next strip: so many rows of four f64 stay in the first cache. */
const DEPTH: i32 = 64;

/** One row of a block as it was before its inverse took its place. */
const ROW: usize = memory.data(BLOCK * 8, 16);

/**
 * @param a  `[size, size]`, f64, changed into U; its lower triangle is not read
 * @param size  a multiple of 4
 * @param panel  room for `[32, size]` f64
 * @returns whether A is positive definite
 */
export function inverseFactor(a: usize, size: i32, panel: usize): bool {
  if (!reverseCholesky(a, size, panel)) return false;
  for (let i: usize = 1; i < <usize>size; i++) memory.fill(a + i * <usize>size * 8, 0, i * 8);
  invertUpper(a, size, panel);
  return true;
}

/** A = RRᵀ with an upper R, from the last block of columns to the first. */
function reverseCholesky(a: usize, size: i32, panel: usize): bool {
  const pitch = <usize>size << 3;
  for (let from = (size - 1) & ~(BLOCK - 1); from >= 0; from -= BLOCK) {
    const to = min(from + BLOCK, size);
    for (let j = to - 1; j >= from; j--) {
      const pivot = load<f64>(a + <usize>j * pitch + (<usize>j << 3));
      if (!(pivot > 0)) return false;
      const root = sqrt(pivot);
      store<f64>(a + <usize>j * pitch + (<usize>j << 3), root);
      let at = a + (<usize>j << 3);
      for (let i = 0; i < j; i++) {
        store<f64>(at, load<f64>(at) / root);
        at += pitch;
      }
      for (let column = from; column < j; column++) {
        store<f64>(ROW + (<usize>(column - from) << 3), load<f64>(a + <usize>column * pitch + (<usize>j << 3)));
      }
      // What lies below the diagonal of the block is changed, too, and means nothing.
      let row = a + (<usize>from << 3);
      for (let i = 0; i < j; i++) {
        subtractRow(row, load<f64>(row + (<usize>(j - from) << 3)), ROW, j - from);
        row += pitch;
      }
    }
    if (from == 0) break;
    const panelPitch = <usize>from << 3;
    for (let j = 0; j < from; j++) {
      const row = a + <usize>j * pitch + (<usize>from << 3);
      for (let k = 0; k < to - from; k++) store<f64>(panel + <usize>k * panelPitch + (<usize>j << 3), load<f64>(row + (<usize>k << 3)));
    }
    for (let j = 0; j < from; j += 4) {
      subtractProduct(a + (<usize>j << 3), pitch, a + (<usize>from << 3), pitch, panel + (<usize>j << 3), panelPitch, j + 4, 0, to - from);
    }
  }
  return true;
}

/** From the last block of rows to the first: what is behind the block as a product, what is in it row by row. */
function invertUpper(a: usize, size: i32, panel: usize): void {
  const pitch = <usize>size << 3;
  for (let from = (size - 1) & ~(BLOCK - 1); from >= 0; from -= BLOCK) {
    const to = min(from + BLOCK, size), behind = size - to;
    const panelPitch = <usize>behind << 3;
    for (let i = from; i < to; i++) {
      const row = a + <usize>i * pitch + (<usize>to << 3);
      memory.copy(panel + <usize>(i - from) * panelPitch, row, panelPitch);
      memory.fill(row, 0, panelPitch);
    }
    const below = a + <usize>to * pitch + (<usize>to << 3);
    for (let end = behind; end > 0; end -= DEPTH) {
      const start = max(0, end - DEPTH);
      for (let j = start & ~3; j < behind; j += 4) {
        const c = a + <usize>from * pitch + (<usize>(to + j) << 3);
        subtractProduct(c, pitch, panel, panelPitch, below + (<usize>j << 3), pitch, to - from, start, min(end, j + 4));
      }
    }
    for (let i = to - 1; i >= from; i--) {
      const row = a + <usize>i * pitch;
      const own = row + (<usize>i << 3);
      const inside = to - i - 1;
      memory.copy(ROW, own + 8, <usize>inside << 3);
      memory.fill(own + 8, 0, <usize>inside << 3);
      for (let k = inside - 1; k >= 0; k--) {
        const column = <usize>(i + 1 + k);
        subtractRow(row + (column << 3), load<f64>(ROW + (<usize>k << 3)), a + column * pitch + (column << 3), size - <i32>column);
      }
      const inverse = 1 / load<f64>(own);
      store<f64>(own, inverse);
      for (let at = own + 8; at < row + pitch; at += 8) store<f64>(at, load<f64>(at) * inverse);
    }
  }
}

/** `values -= factor * others`. */
// @ts-ignore: decorator
@inline
function subtractRow(values: usize, factor: f64, others: usize, count: i32): void {
  const both = f64x2.splat(factor);
  const end = values + (<usize>count << 3);
  for (const end2 = values + (<usize>(count & ~1) << 3); values < end2; values += 16) {
    v128.store(values, f64x2.sub(v128.load(values), f64x2.mul(both, v128.load(others))));
    others += 16;
  }
  if (values < end) store<f64>(values, load<f64>(values) - factor * load<f64>(others));
}

/** Four columns of `c -= a * b`, from `last` - 1 down to `first` along the inner side. `rows` is a multiple of 4. */
function subtractProduct(c: usize, cPitch: usize, a: usize, aPitch: usize, b: usize, bPitch: usize, rows: i32, first: i32, last: i32): void {
  const top = b + <usize>(last - 1) * bPitch;
  for (let i = 0; i < rows; i += 4) {
    const c1 = c + cPitch, c2 = c1 + cPitch, c3 = c2 + cPitch;
    let s00 = v128.load(c), s01 = v128.load(c, 16), s10 = v128.load(c1), s11 = v128.load(c1, 16);
    let s20 = v128.load(c2), s21 = v128.load(c2, 16), s30 = v128.load(c3), s31 = v128.load(c3, 16);
    let at = a + (<usize>(last - 1) << 3), from = top;
    for (const stop = a + (<usize>first << 3); at >= stop; at -= 8) {
      const b0 = v128.load(from), b1 = v128.load(from, 16);
      let each = v128.load64_splat(at);
      s00 = f64x2.sub(s00, f64x2.mul(each, b0));
      s01 = f64x2.sub(s01, f64x2.mul(each, b1));
      each = v128.load64_splat(at + aPitch);
      s10 = f64x2.sub(s10, f64x2.mul(each, b0));
      s11 = f64x2.sub(s11, f64x2.mul(each, b1));
      each = v128.load64_splat(at + (aPitch << 1));
      s20 = f64x2.sub(s20, f64x2.mul(each, b0));
      s21 = f64x2.sub(s21, f64x2.mul(each, b1));
      each = v128.load64_splat(at + (aPitch << 1) + aPitch);
      s30 = f64x2.sub(s30, f64x2.mul(each, b0));
      s31 = f64x2.sub(s31, f64x2.mul(each, b1));
      from -= bPitch;
    }
    v128.store(c, s00);
    v128.store(c, s01, 16);
    v128.store(c1, s10);
    v128.store(c1, s11, 16);
    v128.store(c2, s20);
    v128.store(c2, s21, 16);
    v128.store(c3, s30);
    v128.store(c3, s31, 16);
    c += cPitch << 2;
    a += aPitch << 2;
  }
}
