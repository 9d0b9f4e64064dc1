import { elementsOf } from '../../../core/dtype.ts';
import { intAttribute, type Node } from '../../../core/graph.ts';
import { affine, layoutOf } from './affine.ts';
import { asScales, scalesIn } from './constants.ts';
import { cutRows, loadCodes, unpack } from './load-codes.ts';
import type { Sight } from './read-node.ts';
import type { Affine, Constant, Integers, Term } from './term.ts';

/** Codes of rows in blocks, as operators name them. */
interface Rows {
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly block: number;
  /** The last block of a row is filled up. */
  readonly filled: boolean;
}

/** The weight that MatMulNBits or GatherBlockQuantized reads: `[rows, columns]`, one row an output. */
export function blockWeight(node: Node, { operand }: Sight): Affine | undefined {
  if (node.domain !== 'com.microsoft') return undefined;
  if (node.op === 'MatMulNBits') return productWeight(node, operand);
  return node.op === 'GatherBlockQuantized' ? gatherWeight(node, operand) : undefined;
}

/** Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits */
function productWeight(node: Node, operand: Sight['operand']): Affine | undefined {
  const stored = operand(1);
  // an order of the columns (input 4) is nothing that a layout can carry
  if (stored?.kind !== 'constant' || stored.weight.dtype !== 'u8' || node.inputs[4]) return undefined;
  const number = (name: string, otherwise: number) => intAttribute(node, name, otherwise);
  const shape = { rows: number('N', 0), columns: number('K', 0), bits: number('bits', 4), block: number('block_size', 0), filled: true };
  return rowsOf(node, stored, operand(2), node.inputs[3] ? operand(3) : null, shape);
}

/** Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GatherBlockQuantized */
function gatherWeight(node: Node, operand: Sight['operand']): Affine | undefined {
  const stored = operand(0);
  const axis = intAttribute(node, 'quantize_axis', 1);
  if (stored?.kind !== 'constant' || stored.weight.dtype !== 'u8' || stored.shape.length !== 2) return undefined;
  if (intAttribute(node, 'gather_axis', 0) !== 0 || (axis !== 1 && axis !== -1)) return undefined;
  const [rows = 0, bytes = 0] = stored.shape;
  const bits = intAttribute(node, 'bits', 4);
  const shape = { rows, columns: (bytes * 8) / bits, bits, block: intAttribute(node, 'block_size', 128), filled: false };
  return rowsOf(node, stored, operand(2), node.inputs[3] ? operand(3) : null, shape);
}

/** @param shifts  null where zero points are left out: then the middle code means zero */
function rowsOf(node: Node, stored: Constant, factors: Term | undefined, shifts: Term | undefined | null, shape: Rows): Affine | undefined {
  const { rows, columns, bits, block, filled } = shape;
  if (![2, 4, 8].includes(bits) || rows < 1 || columns < 1 || block < 1) return undefined;
  const blocks = Math.ceil(columns / block);
  const full = filled ? blocks * block : columns;
  const scales = factors && asFactors(factors);
  if (elementsOf(stored.shape) !== (rows * full * bits) / 8 || !scales || scales.spread || elementsOf(scales.shape) !== rows * blocks)
    return undefined;
  const middle = 2 ** (bits - 1);
  const integers = (from: Constant, length: number, padded: number): Integers => ({
    kind: 'integers',
    from: [from],
    shape: [rows, length],
    bits,
    zero: middle,
    load: async () => cutRows(unpack(await loadCodes(from.weight), bits, rows * padded), padded, length),
  });
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const packsZeros = shifts?.kind === 'constant' && shifts.weight.dtype === 'u8' && elementsOf(shifts.shape) === rows * zeroBytes;
  if (shifts !== null && !packsZeros) return undefined;
  const zeros = packsZeros ? integers(shifts, blocks, (zeroBytes * 8) / bits) : undefined;
  const codes = integers(stored, columns, full);
  const { dtype } = scales;
  return affine({
    kind: 'affine',
    node,
    from: [stored, scales, ...(packsZeros ? [shifts] : [])],
    shape: [rows, columns],
    dtype: computedIn(factors),
    layout: layoutOf({ bits, zero: middle }, zeros, { dtype }, [0], blocks === 1 ? 'row' : block),
    codes,
    ...(zeros && { zeros }),
    scales,
    codesLie: { shape: [rows, columns], outputs: [0] },
    scalesLie: { shape: [rows, blocks], outputs: [0] },
  });
}

/** Constant halves are scales of products in halves. */
function asFactors(term: Term) {
  return term.kind === 'constant' ? scalesIn(term, term) : asScales(term);
}

function computedIn(scales: Term | undefined): 'f16' | 'bf16' | 'f32' {
  const dtype = scales?.kind === 'constant' ? scales.weight.dtype : 'f32';
  return dtype === 'f16' || dtype === 'bf16' ? dtype : 'f32';
}
