import type { Kernels } from '../../../core/kernels.ts';
import { matrixOf } from '../../../core/layout.ts';
import type { Chain } from './builder.ts';
import type { AffineWeight } from './expand.ts';
import type { Part } from './part.ts';
import { halves, storeScales } from './scales.ts';

/** The parts that a block operator reads, and its operands: codes, scales in the type of the activations, zero points. */
export interface BlockParts {
  readonly parts: readonly Part[];
  operands(names: readonly string[], chain: Chain): string[];
}

/**
 * As MatMulNBits and GatherBlockQuantized read them: codes packed along each row, `[rows, blocks, bytes of a block]` with the last
 * block filled up, or `[rows, bytes of a row]` as it is when not `filled`; scales `[rows, blocks]`; zero points packed along each row.
 */
export function blockParts({ layout, shape, dtype }: AffineWeight, filled: boolean): BlockParts {
  const { rows, columns, block, blocks } = matrixOf(layout, shape);
  const { bits } = layout.numeric;
  const bytes = (count: number) => Math.ceil((count * bits) / 8);
  const codes: Part = {
    suffix: 'q',
    dtype: 'u8',
    shape: filled ? [rows, blocks, bytes(block)] : [rows, bytes(columns)],
    // Filled with the middle of the grid: a float product then adds zeros.
    bytes: (tensor, kernels) => packRows(tensor.codes, columns, filled ? blocks * block : columns, -layout.numeric.lo, bits, kernels),
  };
  const zeros: Part = {
    suffix: 'z',
    dtype: 'u8',
    shape: [rows, bytes(blocks)],
    bytes: (tensor, kernels) => packRows(tensor.zeros ?? new Uint8Array(), blocks, (bytes(blocks) * 8) / bits, 0, bits, kernels),
  };
  const scales = dtype === 'f16' ? halves([rows, blocks]) : storeScales(layout, [rows, blocks], async (values) => values);
  return {
    parts: [codes, ...(layout.zero ? [zeros] : []), ...scales.parts],
    operands: ([first = '', ...rest], chain) => {
      const zeroPoints = layout.zero ? [rest.shift() ?? ''] : [];
      return [first, scales.read(rest, chain), ...zeroPoints];
    },
  };
}

/** Rows of `length` codes, filled up to `full`, packed low bits first. */
async function packRows(
  codes: Uint8Array,
  length: number,
  full: number,
  filler: number,
  bits: number,
  kernels: Kernels,
): Promise<Uint8Array> {
  const rows = length === full ? codes : fillRows(codes, length, full, filler);
  return bits === 4 || bits === 2 ? kernels.pack(rows, bits) : rows;
}

function fillRows(codes: Uint8Array, length: number, full: number, filler: number): Uint8Array {
  const rows = codes.length / length;
  const result = new Uint8Array(rows * full).fill(filler);
  for (let row = 0; row < rows; row++) result.set(codes.subarray(row * length, (row + 1) * length), row * full);
  return result;
}
