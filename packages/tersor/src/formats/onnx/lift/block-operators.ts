import { elementsOf } from '../../../core/dtype.ts';
import { intAttribute, type Node } from '../../../core/graph.ts';
import { affine, layoutOf } from './affine.ts';
import { asScales, integersIn, scalesIn } from './constants.ts';
import { cutRows, loadCodes, unpack } from './load-codes.ts';
import type { Sight } from './sight.ts';
import type { Affine, Constant, Integers, Scales, Term } from './term.ts';

/** The weight that MatMulNBits or GatherBlockQuantized reads: `[rows, columns]`, one row an output. */
export function blockWeight(node: Node, { operand }: Sight): Affine | undefined {
  if (node.domain !== 'com.microsoft') return undefined;
  if (node.op === 'MatMulNBits') return productWeight(node, operand);
  return node.op === 'GatherBlockQuantized' ? gatherWeight(node, operand) : undefined;
}

/** Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits */
function productWeight(node: Node, operand: Sight['operand']): Affine | undefined {
  const [stored, factors, shifts] = [operand(1), operand(2), operand(3)];
  // an order of the columns (input 4) is nothing that a layout can carry
  if (stored?.kind !== 'constant' || node.inputs[4]) return undefined;
  const rows = intAttribute(node, 'N', 0);
  const columns = intAttribute(node, 'K', 0);
  const bits = intAttribute(node, 'bits', 4);
  const block = intAttribute(node, 'block_size', 0);
  const blocks = Math.ceil(columns / block);
  const codes = packedRows(stored, bits, rows, columns, blocks * block);
  return blockRows(node, { codes, factors, block, zeros: node.inputs[3] ? packedZeros(shifts, bits, rows, blocks) : 'none' });
}

/** Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GatherBlockQuantized */
function gatherWeight(node: Node, operand: Sight['operand']): Affine | undefined {
  const [stored, factors, shifts] = [operand(0), operand(2), operand(3)];
  const axis = intAttribute(node, 'quantize_axis', 1);
  if (stored?.kind !== 'constant' || stored.shape.length !== 2 || (axis !== 1 && axis !== -1)) return undefined;
  if (intAttribute(node, 'gather_axis', 0) !== 0) return undefined;
  const [rows = 0, length = 0] = stored.shape;
  const block = intAttribute(node, 'block_size', 128);
  if (stored.weight.dtype === 'u8') {
    const bits = intAttribute(node, 'bits', 4);
    const columns = (length * 8) / bits;
    const zeros = node.inputs[3] ? packedZeros(shifts, bits, rows, Math.ceil(columns / block)) : 'none';
    return blockRows(node, { codes: packedRows(stored, bits, rows, columns, columns), factors, block, zeros });
  }
  if (stored.weight.dtype !== 'i4' && stored.weight.dtype !== 'u4') return undefined;
  const zeros = shifts?.kind === 'constant' && shifts.weight.dtype === stored.weight.dtype ? integersIn(shifts) : undefined;
  return blockRows(node, {
    codes: integersIn(stored),
    factors,
    block,
    zeros: node.inputs[3] || stored.weight.dtype === 'u4' ? zeros : 'none',
  });
}

/** Codes packed along each row of `full`, of which the first `columns` count. */
function packedRows(stored: Constant, bits: number, rows: number, columns: number, full: number): Integers | undefined {
  const isPacked = [2, 4, 8].includes(bits) && stored.weight.dtype === 'u8' && rows > 0 && columns > 0 && Number.isInteger(columns);
  if (!isPacked || elementsOf(stored.shape) !== (rows * full * bits) / 8) return undefined;
  const load = async () => cutRows(unpack(await loadCodes(stored.weight), bits, rows * full), full, columns);
  return { kind: 'integers', from: [stored], shape: [rows, columns], bits, zero: 2 ** (bits - 1), load };
}

function packedZeros(shifts: Term | undefined, bits: number, rows: number, blocks: number): Integers | undefined {
  const bytes = Math.ceil((blocks * bits) / 8);
  return shifts?.kind === 'constant' ? packedRows(shifts, bits, rows, blocks, (bytes * 8) / bits) : undefined;
}

interface Operands {
  readonly codes: Integers | undefined;
  readonly factors: Term | undefined;
  /** `none` where they are left out: then the middle code means zero. */
  readonly zeros: Integers | 'none' | undefined;
  readonly block: number;
}

function blockRows(node: Node, { codes, factors, zeros: given, block }: Operands): Affine | undefined {
  const scales = factors && asFactors(factors);
  if (!codes || !scales || scales.spread || !given || block < 1) return undefined;
  const zeros = given === 'none' ? undefined : given;
  const [rows = 0, columns = 0] = codes.shape;
  const blocks = Math.ceil(columns / block);
  if ([scales, ...(zeros ? [zeros] : [])].some(({ shape }) => elementsOf(shape) !== rows * blocks)) return undefined;
  return affine({
    kind: 'affine',
    node,
    from: [codes, scales, ...(zeros ? [zeros] : [])],
    shape: codes.shape,
    dtype: computedIn(scales, factors),
    layout: layoutOf(codes, zeros, scales, [0], blocks === 1 ? 'row' : block),
    codes,
    ...(zeros && { zeros }),
    scales,
    codesLie: { shape: codes.shape, outputs: [0] },
    scalesLie: { shape: [rows, blocks], outputs: [0] },
  });
}

/** Constant halves are scales of products in halves. */
function asFactors(term: Term): Scales | undefined {
  return term.kind === 'constant' ? scalesIn(term, term) : asScales(term);
}

function computedIn({ dtype }: Scales, factors: Term): 'f16' | 'bf16' | 'f32' {
  return factors.kind === 'constant' && (dtype === 'f16' || dtype === 'bf16') ? dtype : 'f32';
}
