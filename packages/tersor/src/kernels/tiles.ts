import type { BlockSpec } from '../core/kernels.ts';

/** What goes through the memory at a time: 256 KB of f32, which stays in the second-level cache. A multiple of 64, as the kernels want. */
export const TILE_ELEMENTS = 65536;

/** Part of a matrix with whole blocks: `rows` rows of `columns` elements from element `start` and block `firstBlock` on. */
export interface Piece extends BlockSpec {
  readonly start: number;
  readonly firstBlock: number;
  readonly blocks: number;
}

/** Cuts a matrix into runs of rows, or a long row into runs of blocks, of at most `most` elements; never within a block. */
export function* piecesOf({ rows, columns, block }: BlockSpec, most = TILE_ELEMENTS): Generator<Piece> {
  const perRow = Math.ceil(columns / block);
  if (columns <= most || perRow === 1) {
    const step = Math.max(1, Math.floor(most / columns));
    for (let row = 0; row < rows; row += step) {
      const count = Math.min(step, rows - row);
      yield { start: row * columns, firstBlock: row * perRow, rows: count, columns, block, blocks: count * perRow };
    }
    return;
  }
  const step = Math.max(1, Math.floor(most / block)) * block;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += step) {
      const width = Math.min(step, columns - column);
      const firstBlock = row * perRow + column / block;
      yield { start: row * columns + column, firstBlock, rows: 1, columns: width, block, blocks: Math.ceil(width / block) };
    }
  }
}

/** Upper bounds of the elements and the blocks of a piece. */
export function largestPiece({ rows, columns, block }: BlockSpec, most = TILE_ELEMENTS): { elements: number; blocks: number } {
  const shared = Math.min(block, columns);
  const elements = Math.min(rows * columns, Math.max(most, shared));
  return { elements, blocks: 2 * Math.ceil(elements / shared) };
}
