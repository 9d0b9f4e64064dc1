import type { Loops } from './loops.ts';
import { bytesOf, type Instances } from './memory.ts';
import { unwritten } from './unwritten.ts';

/** What is turned at a time: with its turned twin it stays in the second-level cache. */
const TILE_BYTES = 2 ** 19;
/** Runs of fewer elements cost more to copy one by one than to turn. */
export const LEAST_COLUMNS = 64;

/** Twin of reference/transpose.ts. */
export function wasmTranspose(instances: Instances): Pick<Loops, 'transpose'> {
  return {
    transpose<T extends Float32Array | Uint8Array>(values: T, rows: number, columns: number): T {
      const size = values.BYTES_PER_ELEMENT;
      const turned = unwritten(values.byteLength);
      turn(instances, bytesOf(values), new Uint8Array(turned), { rows, columns, size });
      return (values instanceof Float32Array ? new Float32Array(turned) : new Uint8Array(turned)) as T;
    },
  };
}

interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** Bytes of an element. */
  readonly size: number;
}

/** Tile by tile: a tile's rows lie apart on the one side, its columns on the other. */
function turn(instances: Instances, input: Uint8Array, output: Uint8Array, { rows, columns, size }: Matrix): void {
  const most = TILE_BYTES / size;
  const height = Math.min(rows, Math.floor(most / Math.min(columns, LEAST_COLUMNS)));
  const width = Math.min(columns, Math.max(LEAST_COLUMNS, Math.floor(most / height / 16) * 16));
  const tile = height * width * size;
  instances.use([tile, tile], ({ call, bytes }, from, to) => {
    for (let top = 0; top < rows; top += height) {
      const tall = Math.min(height, rows - top);
      for (let left = 0; left < columns; left += width) {
        const wide = Math.min(width, columns - left);
        const source = { bytes: input, start: (top * columns + left) * size, pitch: columns * size };
        const target = { bytes: output, start: (left * rows + top) * size, pitch: rows * size };
        copyRuns(source, { bytes, start: from, pitch: wide * size }, wide * size, tall);
        call(`transpose${size}`, from, tall, wide, to);
        copyRuns({ bytes, start: to, pitch: tall * size }, target, tall * size, wide);
      }
    }
  });
}

/** Where runs of bytes lie: each begins `pitch` bytes behind the one before. */
interface Runs {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly pitch: number;
}

export function copyRuns(source: Runs, target: Runs, length: number, count: number): void {
  if (source.pitch === length && target.pitch === length) {
    target.bytes.set(source.bytes.subarray(source.start, source.start + length * count), target.start);
    return;
  }
  for (let run = 0; run < count; run++) {
    const start = source.start + run * source.pitch;
    target.bytes.set(source.bytes.subarray(start, start + length), target.start + run * target.pitch);
  }
}
