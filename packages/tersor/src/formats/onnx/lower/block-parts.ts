import type { Kernels } from '../../../core/kernels.ts';
import { matrixOf } from '../../../core/layout.ts';
import { pays } from './builder.ts';
import type { AffineWeight } from './expand.ts';
import { floatBytes, type Part } from './part.ts';

/**
 * The parts that MatMulNBits and GatherBlockQuantized read: codes packed along each row, `[rows, blocks, bytes of a block]` with the last
 * block filled up, or `[rows, bytes of a row]` as it is when not `filled`; scales `[rows, blocks]`; zero points packed along each row.
 */
export function blockParts({ layout, shape, dtype }: AffineWeight, filled: boolean): Part[] {
  const { rows, columns, block, blocks } = matrixOf(layout, shape);
  const { bits } = layout.numeric;
  const bytes = (count: number) => Math.ceil((count * bits) / 8);
  const halfScales = dtype === 'f16' || (layout.scale.dtype === 'f16' && pays([rows, blocks], 'f16', 'f32'));
  const scaleType = halfScales ? 'f16' : 'f32';
  const codes: Part = {
    suffix: 'q',
    dtype: 'u8',
    shape: filled ? [rows, blocks, bytes(block)] : [rows, bytes(columns)],
    // Filled with the middle of the grid: a float product then adds zeros.
    bytes: (tensor, kernels) => packRows(tensor.codes, columns, filled ? blocks * block : columns, -layout.numeric.lo, bits, kernels),
  };
  const scales: Part = {
    suffix: 's',
    dtype: scaleType,
    shape: [rows, blocks],
    bytes: (tensor, kernels) => floatBytes(tensor.scales, scaleType, kernels),
  };
  if (!layout.zero) return [codes, scales];
  const zeros: Part = {
    suffix: 'z',
    dtype: 'u8',
    shape: [rows, bytes(blocks)],
    bytes: (tensor, kernels) => packRows(tensor.zeros ?? new Uint8Array(), blocks, (bytes(blocks) * 8) / bits, 0, bits, kernels),
  };
  return [codes, scales, zeros];
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
