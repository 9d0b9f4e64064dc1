import { elementsOf, type Shape } from './dtype.ts';
import type { Load, Weight } from './model.ts';
import type { Tensor } from './tensor.ts';

/** What is in memory at a time: 16 MiB as 32-bit floats. */
const PIECE_ELEMENTS = 2 ** 22;

/** Rows run along the last axis; those of all other axes are counted one after the other. */
export function rowsOf(shape: Shape): { readonly rows: number; readonly columns: number } {
  return { rows: elementsOf(shape.slice(0, -1)), columns: shape.at(-1) ?? 1 };
}

/** Some rows of a weight, or all of it. */
export interface RowPiece {
  readonly firstRow: number;
  readonly shape: Shape;
  load(): Promise<Tensor>;
}

/** The pieces that a weight is to be had in, in order: of whole rows, or one that is everything. */
export function rowPieces({ shape, load }: Pick<Weight, 'shape' | 'load'>, most = PIECE_ELEMENTS): RowPiece[] {
  const { rows, columns } = rowsOf(shape);
  const { rows: loadRows } = load;
  if (!loadRows || rows * columns <= most) return [{ firstRow: 0, shape, load }];
  const step = Math.max(1, Math.floor(most / columns));
  return Array.from({ length: Math.ceil(rows / step) }, (_, i) => {
    const [start, end] = [i * step, Math.min(rows, (i + 1) * step)];
    return { firstRow: start, shape: [end - start, columns], load: () => loadRows(start, end) };
  });
}

/**
 * How a weight is loaded that is made of another one row by row: in pieces where that one is.
 * @param change  gives a tensor of the shape that it gets, and keeps nothing of that; `firstRow` is where that begins in the weight
 */
export function changeRows(load: Load, change: (tensor: Tensor, firstRow: number) => Promise<Tensor>): Load {
  const { rows, release } = load;
  const changed = async (before: Tensor, first: number) => {
    const after = await change(before, first);
    if (!sharesMemory(before, after)) release?.(before);
    return after;
  };
  const whole = async () => changed(await load(), 0);
  return rows ? Object.assign(whole, { rows: async (start: number, end: number) => changed(await rows(start, end), start) }) : whole;
}

function sharesMemory(before: Tensor, after: Tensor): boolean {
  return !('bytes' in before && 'bytes' in after) || before.bytes.buffer === after.bytes.buffer;
}
