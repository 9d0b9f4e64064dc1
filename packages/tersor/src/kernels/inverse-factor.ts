import type { Loops } from './loops.ts';

/** What is factored in one piece, in f64: above it almost all time goes into products. */
const WHOLE = 256;

/** A Bᵀ, here or on workers, which take rows of B. */
type Multiply = (a: Float32Array, b: Float32Array, columns: number) => Promise<Float32Array>;

/**
 * U with A⁻¹ = UᵀU, by halves: with U₂ of the lower right A₂₂ and T = A₁₂U₂ᵀ, U₁ belongs to A₁₁ - TTᵀ, and between them is -U₁TU₂. So all but the blocks on the
 * diagonal is products in f32; what pivots come of is kept in f64.
 * Source: block LDLᵀ, Golub and Van Loan 2013, Matrix Computations, section 4.2.9, with inverses in place of factors
 */
export async function inverseFactor(
  matrix: Float64Array,
  size: number,
  loops: Pick<Loops, 'inverseFactor' | 'transpose'>,
  multiply: Multiply,
): Promise<Float32Array | undefined> {
  if (size <= WHOLE) {
    const factor = loops.inverseFactor(matrix, size);
    return factor && new Float32Array(factor);
  }
  const upper = Math.floor(size / 8) * 4;
  const lower = size - upper;
  const last = await inverseFactor(block(Float64Array, matrix, size, [upper, size], [upper, size]), lower, loops, multiply);
  if (!last) return undefined;
  const turned = await multiply(last, block(Float32Array, matrix, size, [0, upper], [upper, size]), lower);
  const between = loops.transpose(turned, lower, upper);
  const rest = block(Float64Array, matrix, size, [0, upper], [0, upper]);
  await subtractSquare(rest, between, upper, lower, multiply);
  const first = await inverseFactor(rest, upper, loops, multiply);
  if (!first) return undefined;
  const columns = await multiply(loops.transpose(last, lower, lower), between, lower);
  const corner = await multiply(first, columns, upper);
  const factor = new Float32Array(size * size);
  for (let row = 0; row < upper; row++) {
    factor.set(first.subarray(row * upper, (row + 1) * upper), row * size);
    for (let column = 0; column < lower; column++) factor[row * size + upper + column] = -corner[row * lower + column]!;
  }
  for (let row = 0; row < lower; row++) factor.set(last.subarray(row * lower, (row + 1) * lower), (upper + row) * size + upper);
  return factor;
}

/** Rows of a square that are subtracted together: what they hold below the diagonal is not needed. */
const BAND = 256;

/** The upper triangle of A - TTᵀ, in place of A's. */
async function subtractSquare(a: Float64Array, t: Float32Array, rows: number, columns: number, multiply: Multiply): Promise<void> {
  const tops = Array.from({ length: Math.ceil(rows / BAND) }, (_, i) => i * BAND);
  const subtractBand = async (top: number) => {
    const band = t.subarray(top * columns, Math.min(rows, top + BAND) * columns);
    const product = await multiply(band, t.subarray(top * columns), columns);
    const wide = rows - top;
    for (let row = 0; row * columns < band.length; row++) {
      const at = (top + row) * rows + top;
      for (let column = row; column < wide; column++) a[at + column]! -= product[row * wide + column]!;
    }
  };
  await Promise.all(tops.map(subtractBand));
}

type Range = readonly [from: number, to: number];

/** Part of a matrix, as an array of its own. */
function block<T extends Float32Array | Float64Array>(
  kind: new (length: number) => T,
  matrix: Float64Array,
  size: number,
  [top, bottom]: Range,
  [left, right]: Range,
): T {
  const wide = right - left;
  const part = new kind((bottom - top) * wide);
  for (let row = top; row < bottom; row++) part.set(matrix.subarray(row * size + left, row * size + right), (row - top) * wide);
  return part;
}
