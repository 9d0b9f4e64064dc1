import { TersorError } from '../core/error.ts';
import { bytesOf } from '../core/layout.ts';
import type { Weight } from '../core/model.ts';
import { rowPieces } from '../core/rows.ts';
import type { Tensor } from '../core/tensor.ts';
import { type Piece, piecesOf, rangeOf } from './ranges.ts';

/**
 * The bytes of a weight whose layout is dense or blocks: copied in steps when they are still those of the file, else loaded row by row where that
 * can be, else as a whole.
 * @param length  of all of them
 */
export function storedPieces(weight: Weight, length: number): Piece[] {
  const range = rangeOf(weight);
  if (range?.length === length) return piecesOf(range);
  const { id, layout } = weight;
  const rows = rowPieces(weight);
  const sizes = rows.length === 1 ? [length] : rows.map(({ shape }) => bytesOf({ shape, layout }));
  let end = 0;
  return rows.map(({ load }, i) => {
    const size = sizes[i] ?? 0;
    end += size;
    return { at: end - size, size, load: async () => bytesIn(await load(), size, id) };
  });
}

function bytesIn(tensor: Tensor, length: number, about: string): Uint8Array {
  if ((tensor.kind !== 'dense' && tensor.kind !== 'blocks') || tensor.bytes.length !== length) {
    throw new TersorError('INTERNAL', about, `was planned as ${length} bytes and loaded as ${tensor.kind}`);
  }
  return tensor.bytes;
}
