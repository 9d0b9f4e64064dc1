import { inverseFactor } from '../core/linear-algebra/inverse-factor.ts';

/** A matrix on its way to codes: what each code stands for is settled. */
export interface Grid {
  readonly rows: number;
  readonly columns: number;
  /** Elements of a row that share a scale. */
  readonly block: number;
  /** `[rows, blocks]`. */
  readonly scales: Float32Array;
  /** As codes, in the shape of `scales`; absent: `middle`. */
  readonly zeros?: Uint8Array;
  /** The code of zero where there are no zero points. */
  readonly middle: number;
  /** The largest code. */
  readonly most: number;
}

/** A Gram matrix made ready to compensate by. */
export interface Compensation {
  /** Columns in the order in which they are rounded. */
  readonly order: Uint32Array;
  /** U of `inverseFactor`, in that order. */
  readonly factor: Float64Array;
  /** Of the mean of the diagonal, what had to be added to it. */
  readonly damping: number;
}

/** Columns whose errors are gathered before they reach the rest of the matrix. */
const BATCH = 32;

/** What is added to the diagonal at most, in steps of ten. */
const MOST_DAMPING = 10;

/**
 * @param gram  XᵀX, `[columns, columns]`
 * @param damping  of the mean of its diagonal, to begin with: more where the matrix takes it
 * @param byMagnitude  columns that see the largest activations are rounded first, while all others can still make up for them
 * @returns undefined where nothing was seen, or values that are not finite
 */
export function prepareCompensation(gram: Float64Array, columns: number, damping: number, byMagnitude: boolean): Compensation | undefined {
  const diagonal = Float64Array.from({ length: columns }, (_, i) => gram[i * columns + i]!);
  const mean = diagonal.reduce((sum, value) => sum + value, 0) / columns;
  if (!(mean > 0) || !Number.isFinite(mean)) return undefined;
  const order = Uint32Array.from(diagonal.keys());
  if (byMagnitude) order.sort((a, b) => diagonal[b]! - diagonal[a]! || a - b);
  for (let share = damping; share <= MOST_DAMPING; share *= 10) {
    const ordered = new Float64Array(columns * columns);
    for (let i = 0; i < columns; i++) {
      for (let j = i; j < columns; j++) ordered[i * columns + j] = gram[order[i]! * columns + order[j]!]!;
      ordered[i * columns + i]! += share * mean;
    }
    const factor = inverseFactor(ordered, columns);
    if (factor) return { order, factor, damping: share };
  }
  return undefined;
}

/**
 * Codes of a matrix, column by column: what is lost by rounding a column is made up for, as far as the activations allow, by the columns that are
 * not rounded yet, so that the product XWᵀ moves least.
 *
 * @param values  `[columns, rows]`: the matrix turned, so that a column lies in one piece. Changed: it ends as what the codes stand for
 * @returns `[rows, columns]`
 * Source: Frantar et al. 2022, GPTQ, https://arxiv.org/abs/2210.17323, algorithm 1, with scales that are settled beforehand
 */
export function compensateRounding(values: Float32Array, grid: Grid, { order, factor }: Compensation): Uint8Array {
  const { rows, columns, block, scales, zeros, middle, most } = grid;
  const blocks = Math.ceil(columns / block);
  const codes = new Uint8Array(rows * columns);
  const errors = new Float32Array(BATCH * rows);
  for (let start = 0; start < columns; start += BATCH) {
    const end = Math.min(columns, start + BATCH);
    for (let i = start; i < end; i++) {
      const column = order[i]!;
      const from = column * rows;
      const group = Math.floor(column / block);
      const pivot = factor[i * columns + i]!;
      const error = errors.subarray((i - start) * rows, (i - start + 1) * rows);
      for (let row = 0; row < rows; row++) {
        const at = row * blocks + group;
        const scale = scales[at]!;
        const zero = zeros ? zeros[at]! : middle;
        const value = values[from + row]!;
        const code = scale === 0 ? zero : Math.min(most, Math.max(0, Math.round(value / scale) + zero));
        const stands = (code - zero) * scale;
        codes[row * columns + column] = code;
        values[from + row] = stands;
        error[row] = (value - stands) / pivot;
      }
      for (let j = i + 1; j < end; j++) subtract(values, order[j]! * rows, error, factor[i * columns + j]!);
    }
    for (let j = end; j < columns; j++) {
      const to = order[j]! * rows;
      for (let i = start; i < end; i++) {
        subtract(values, to, errors.subarray((i - start) * rows, (i - start + 1) * rows), factor[i * columns + j]!);
      }
    }
  }
  return codes;
}

function subtract(values: Float32Array, to: number, error: Float32Array, factor: number): void {
  for (let row = 0; row < error.length; row++) values[to + row]! -= error[row]! * factor;
}
