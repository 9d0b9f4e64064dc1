import type { Quantized, QuantizeSpec } from '../core/kernels.ts';
import type { Loops } from './loops.ts';
import { bytesOf, type Instances } from './memory.ts';
import { largestPiece, type Piece, piecesOf, TILE_ELEMENTS } from './tiles.ts';
import { unwritten } from './unwritten.ts';
import { copyRuns, LEAST_COLUMNS, wasmTranspose } from './wasm-transpose.ts';

const FITS = { absmax: 0, mse: 1, hqq: 2 } as const;

/** Turned piece by piece up to here; pieces of longer rows would not stay in the cache. */
const LONGEST_TURNED = 4096;

/** Twin of reference/quantize.ts. Each piece is read once: turned, measured and quantized while it is in the cache. */
export function wasmQuantize(instances: Instances): Pick<Loops, 'quantize'> {
  return {
    quantize(values, spec) {
      if (!spec.transposed || spec.columns <= LONGEST_TURNED) return quantize(instances, values, spec);
      const turned = wasmTranspose(instances).transpose(values, spec.columns, spec.rows);
      return quantize(instances, turned, { ...spec, transposed: false });
    },
  };
}

function quantize(instances: Instances, values: Float32Array, spec: QuantizeSpec): Quantized {
  const { rows, columns, block, bits, symmetric } = spec;
  const blocks = rows * Math.ceil(columns / block);
  const codes = new Uint8Array(unwritten(values.length));
  const scales = new Float32Array(blocks);
  const zeros = new Uint8Array(blocks);
  const input = bytesOf(values);
  const scaleBytes = bytesOf(scales);
  const tile = spec.transposed ? columns * rowsATime(columns) : TILE_ELEMENTS;
  const most = largestPiece(spec, tile);
  const room = Math.ceil(most.elements / 4) * 16;
  const flags = [bits, Number(symmetric), FITS[spec.fit], Number(spec.scale === 'f16')];
  let peak = 0;
  instances.use(
    [spec.transposed ? 2 * room : room, most.elements, most.blocks * 4, most.blocks],
    ({ call, bytes }, from, toCodes, toScales, toZeros) => {
      const matrix = spec.transposed ? from + room : from;
      for (const piece of piecesOf(spec, tile)) {
        const count = piece.rows * piece.columns;
        if (spec.transposed) {
          copyColumns(input, spec, piece, bytes, from);
          call('transpose4', from, columns, piece.rows, matrix);
        } else bytes.set(input.subarray(piece.start * 4, (piece.start + count) * 4), matrix);
        peak = Math.max(peak, Number(call('peak', matrix, count)));
        call('quantize', matrix, piece.rows, piece.columns, block, ...flags, toCodes, toScales, toZeros);
        codes.set(bytes.subarray(toCodes, toCodes + count), piece.start);
        scaleBytes.set(bytes.subarray(toScales, toScales + piece.blocks * 4), piece.firstBlock * 4);
        if (!symmetric) zeros.set(bytes.subarray(toZeros, toZeros + piece.blocks), piece.firstBlock);
      }
    },
  );
  return symmetric ? { codes, scales, bits, peak } : { codes, scales, zeros, bits, peak };
}

/** As many rows as a tile holds, and as the kernel likes to turn at a time. */
function rowsATime(columns: number): number {
  return Math.max(LEAST_COLUMNS, Math.floor(TILE_ELEMENTS / columns / 16) * 16);
}

/** What a piece of whole rows is made from: a few columns of the matrix as it lies. */
function copyColumns(input: Uint8Array, { rows, columns }: QuantizeSpec, piece: Piece, memory: Uint8Array, to: number): void {
  const width = piece.rows * 4;
  const source = { bytes: input, start: (piece.start / columns) * 4, pitch: rows * 4 };
  copyRuns(source, { bytes: memory, start: to, pitch: width }, width, columns);
}
