import type { Shape } from '../core/dtype.ts';
import { type BlocksLayout, bytesOf, type DenseLayout } from '../core/layout.ts';
import type { Load, Weight } from '../core/model.ts';
import { rowsOf } from '../core/rows.ts';
import type { Source } from '../core/source.ts';
import type { Tensor } from '../core/tensor.ts';

/** Bytes of a file. */
export interface Range {
  readonly source: Source;
  readonly offset: number;
  readonly length: number;
}

/** A `load` that only reads a file. Whoever changes a weight gives it another `load`, so this says that the bytes are still the file's. */
interface RangedLoad extends Load {
  readonly range: Range;
}

/** Loads what lies in a file as it is: whole, and row by row where rows are whole bytes. */
export function loadFrom(range: Range, shape: Shape, layout: DenseLayout | BlocksLayout): Load {
  const { source, offset, length } = range;
  const tensorOf = (bytes: Uint8Array, of: Shape): Tensor =>
    layout.kind === 'blocks'
      ? { kind: 'blocks', type: layout.type, shape: of, bytes }
      : { kind: 'dense', dtype: layout.dtype, shape: of, bytes };
  const load = async () => tensorOf(await source.read(offset, length), shape);
  const release = (tensor: Tensor) => {
    if ('bytes' in tensor) source.release?.(tensor.bytes);
  };
  const { rows: count, columns } = rowsOf(shape);
  const rowBytes = length / count;
  if (!Number.isInteger(rowBytes) || length !== bytesOf({ shape, layout })) return Object.assign(load, { range, release });
  const rows = async (start: number, end: number) =>
    tensorOf(await source.read(offset + start * rowBytes, (end - start) * rowBytes), [end - start, columns]);
  return Object.assign(load, { range, rows, release });
}

/** Where an unchanged weight's bytes lie; undefined when they must be loaded. */
export function rangeOf({ load }: Weight): Range | undefined {
  return isRanged(load) ? load.range : undefined;
}

function isRanged(load: Load): load is RangedLoad {
  return 'range' in load;
}

/** What is copied at a time. */
const STEP = 2 ** 20;

/** A part of something longer. */
export interface Piece {
  /** Behind the beginning. */
  readonly at: number;
  readonly size: number;
  load(): Promise<Uint8Array>;
}

/** A range in steps, so that a large weight that nobody changed is never in memory as a whole. */
export function piecesOf({ source, offset, length }: Range): Piece[] {
  return Array.from({ length: Math.ceil(length / STEP) }, (_, i) => {
    const at = i * STEP;
    const size = Math.min(STEP, length - at);
    return { at, size, load: () => source.read(offset + at, size) };
  });
}
