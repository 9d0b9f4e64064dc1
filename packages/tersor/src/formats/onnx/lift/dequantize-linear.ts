import { isFloat } from '../../../core/dtype.ts';
import { intAttribute, type Node } from '../../../core/graph.ts';
import { affine, layoutOf } from './affine.ts';
import { integersIn, scalesIn } from './constants.ts';
import type { Sight } from './sight.ts';
import { type Affine, type Constant, isSingle, type Lie, type Term } from './term.ts';

/**
 * DequantizeLinear of constants: one scale for all codes, one for each element of an axis, or one for each block along an axis.
 * Source: https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
 */
export async function dequantized(node: Node, { operand, constants }: Sight): Promise<Affine | undefined> {
  const [stored, factors, shifts] = [operand(0), operand(1), operand(2)];
  if (stored?.kind !== 'constant' || factors?.kind !== 'constant' || intAttribute(node, 'output_dtype', 0) !== 0) return undefined;
  if (node.inputs[2] && (shifts?.kind !== 'constant' || shifts.shape.join() !== factors.shape.join())) return undefined;
  const [codes, scales, given] = [integersIn(stored), scalesIn(factors, factors), zerosIn(shifts)];
  const placed = place(node, stored, factors);
  const { dtype } = factors.weight;
  if (!codes || !scales || !placed || dtype === 'string' || !isFloat(dtype)) return undefined;
  if (given && shifts?.kind === 'constant' && shifts.weight.dtype !== stored.weight.dtype) return undefined;
  // exporters write zero points even where all of them are zero
  const isSymmetric = given && codes.zero !== 0 && shifts?.kind === 'constant' && (await constants.allZero(shifts.weight));
  const zeros = isSymmetric ? undefined : given;
  return affine({
    kind: 'affine',
    node,
    from: [stored, factors, ...(given ? given.from : [])],
    shape: stored.shape,
    dtype,
    layout: layoutOf(codes, zeros, scales, placed.codesLie.outputs, placed.block),
    codes,
    ...(zeros && { zeros }),
    scales,
    codesLie: placed.codesLie,
    scalesLie: placed.scalesLie,
  });
}

function zerosIn(term: Term | undefined) {
  return term?.kind === 'constant' ? integersIn(term) : undefined;
}

interface Placed {
  readonly block: number | 'row';
  readonly codesLie: Lie;
  readonly scalesLie: Lie;
}

function place(node: Node, { shape }: Constant, scale: Constant): Placed | undefined {
  const length = intAttribute(node, 'block_size', 0);
  const axes = shape.map((_, axis) => axis);
  const given = intAttribute(node, 'axis', 1);
  const axis = given < 0 ? given + shape.length : given;
  if (length > 0) {
    const lengths = shape.map((size, i) => (i === axis ? Math.ceil(size / length) : size));
    if (shape[axis] === undefined || scale.shape.join() !== lengths.join()) return undefined;
    const outputs = axes.filter((i) => i !== axis);
    const block = length < (shape[axis] ?? 1) ? length : 'row';
    return { block, codesLie: { shape, outputs }, scalesLie: { shape: lengths, outputs } };
  }
  if (isSingle(scale)) return { block: 'row', codesLie: { shape, outputs: [] }, scalesLie: { shape: [1], outputs: [] } };
  if (scale.shape.length !== 1 || scale.shape[0] !== shape[axis]) return undefined;
  return { block: 'row', codesLie: { shape, outputs: [axis] }, scalesLie: { shape: scale.shape, outputs: [0] } };
}
