import { type DType, elementsOf, isFloat, type Shape } from '../../../core/dtype.ts';
import { intAttribute, intsAttribute, type Node } from '../../../core/graph.ts';
import { isMadeUp, onnxType } from '../lower/builder.ts';
import { product, reshaped, transposed } from './affine.ts';
import { addedEntries, cutEntries, flatEntries, lookedUpEntries, reshapedMatrix, scaledEntries } from './codebook.ts';
import { asScales, integersIn } from './constants.ts';
import { dequantized } from './dequantize-linear.ts';
import { partOfProduct } from './dynamic.ts';
import { steppedInputs, steppedLevels, stepsIn } from './levels.ts';
import { loadCodes, loadFloats, unpack } from './load-codes.ts';
import type { Sight } from './sight.ts';
import type { SmallConstants } from './small-constants.ts';
import {
  type Affine,
  type Constant,
  type Entries,
  type Index,
  type Integers,
  isSingle,
  type Origin,
  type Scales,
  type Shifted,
  type Term,
  type Whole,
} from './term.ts';
import { transposedWhole } from './whole.ts';

/**
 * What an operator makes of constants: the inverse of what `expand` and `gatherRows` write, and DequantizeLinear.
 *
 * Where a weight ends and its use begins, names tell: Reshape, Transpose and Cast belong to the weight only when what they read has a
 * made-up name.
 */
export async function readNode(node: Node, sight: Sight): Promise<Term | undefined> {
  const { operand } = sight;
  if (node.op === 'DequantizeLinear') return dequantized(node, sight);
  if (node.domain !== '' && node.domain !== 'ai.onnx') return undefined;
  const [first, second] = [operand(0), operand(1)];
  if (!first) return undefined;
  const part = await partOfProduct(node, sight);
  if (part) return part;
  switch (node.op) {
    case 'Cast':
      return cast(node, first, sight.alone);
    case 'Reshape':
      return reshape(node, first, second, sight);
    case 'Slice':
      return slice(node, first, sight);
    case 'Gather':
      return gather(node, first, second, sight.constants);
    case 'Sub':
      return second && subtract(node, first, second);
    case 'Mul':
      return second && (multiply(node, first, second) ?? multiply(node, second, first));
    case 'Add':
      return first.kind === 'entries' && second?.kind === 'entries'
        ? addedEntries(first, second, { node, from: [first, second] })
        : undefined;
    case 'Pow':
      return second && stepsIn(node, first, second);
    case 'Transpose':
      return transpose(node, first, sight.alone);
    default:
      return undefined;
  }
}

function transpose(node: Node, first: Term, alone: boolean): Term | undefined {
  if ((first.kind !== 'affine' && first.kind !== 'whole') || !belongs(node, alone)) return undefined;
  const perm = intsAttribute(node, 'perm') ?? first.shape.map((_, axis) => first.shape.length - 1 - axis);
  const origin = { node, from: [first] };
  return first.kind === 'affine' ? transposed(first, perm, origin) : transposedWhole(first, perm, origin);
}

function belongs({ inputs }: Node, alone: boolean): boolean {
  return alone && isMadeUp(inputs[0] ?? '');
}

const FLOAT_TYPES: readonly DType[] = ['f64', 'f32', 'f16', 'bf16'];

function cast(node: Node, first: Term, alone: boolean): Term | undefined {
  const code = intAttribute(node, 'to', 0);
  const to = FLOAT_TYPES.find((dtype) => onnxType(dtype) === code);
  const origin = { node, from: [first] };
  if (first.kind === 'constant') {
    if (to === 'f32' && first.weight.dtype === 'i16') return { ...origin, kind: 'levels', stored: first };
    if (to === 'f32') return integersIn(first, node) ?? widened(first, to, node);
    if (to) return widened(first, to, node);
    return code === onnxType('i32') && first.weight.dtype === 'u8' ? { ...origin, kind: 'index', stored: first } : undefined;
  }
  if (first.kind === 'looked-up' && to === 'f32' && first.table.kind === 'constant') {
    const table = integersIn(first.table);
    return table && { ...origin, kind: 'looked-up', table, rows: first.rows };
  }
  if (first.kind === 'looked-up' && first.table.kind === 'affine' && to && belongs(node, alone)) {
    return { ...first, ...origin, table: { ...first.table, dtype: to } };
  }
  if (first.kind === 'integers' && code === onnxType('i32')) return { ...first, ...origin };
  const isWeight = first.kind === 'affine' || first.kind === 'whole';
  return isWeight && first.dtype === 'f32' && to && belongs(node, alone) ? { ...first, ...origin, dtype: to } : undefined;
}

function widened(stored: Constant, dtype: DType, node: Node): Term | undefined {
  const { dtype: from } = stored.weight;
  return from !== 'string' && isFloat(from) && from !== dtype ? { kind: 'narrow', node, from: [stored], stored, dtype } : undefined;
}

async function reshape(node: Node, first: Term, second: Term | undefined, { constants, alone }: Sight): Promise<Term | undefined> {
  if (!second || !isReshaped(first)) return undefined;
  const target = await constants.integers(second);
  const shape = target && resolve(first.shape, target);
  if (!shape) return undefined;
  const origin = { node, from: [first, second] };
  if (first.kind === 'entries') return flatEntries(first, shape, origin);
  if (first.kind === 'whole') return belongs(node, alone) ? reshapedMatrix(first, shape, origin) : undefined;
  if (first.kind === 'affine') return belongs(node, alone) ? reshaped(first, shape, origin) : undefined;
  return first.kind === 'integers' && first.spread ? undefined : { ...first, ...origin, shape };
}

function isReshaped(term: Term): term is Constant | Integers | Affine | Entries | Whole {
  return ['constant', 'integers', 'affine', 'entries', 'whole'].includes(term.kind);
}

function resolve(shape: Shape, target: readonly number[]): Shape | undefined {
  const total = elementsOf(shape);
  const known = elementsOf(target.filter((length) => length !== -1));
  const resolved = target.map((length) => (length === -1 ? total / known : length));
  return resolved.every((length) => Number.isSafeInteger(length) && length > 0) && elementsOf(resolved) === total ? resolved : undefined;
}

/** Codes without those that fill up the last byte, vectors without what fills up the last one. */
async function slice(node: Node, first: Term, { operand, constants }: Sight): Promise<Integers | Entries | undefined> {
  const isCodes = first.kind === 'integers' && first.shape.length === 1 && !first.spread;
  if ((!isCodes && first.kind !== 'entries') || node.inputs.length > 4) return undefined;
  const given = async (name: string, input: number) => intsAttribute(node, name) ?? (await constants.integers(operand(input)));
  const [starts, ends] = [await given('starts', 1), await given('ends', 2)];
  const [count = 0] = ends ?? [];
  const axes = (await given('axes', 3)) ?? [0];
  const axis = isCodes ? '0' : '1';
  if (starts?.join() !== '0' || axes.join() !== axis || ends?.length !== 1 || count < 1 || count > elementsOf(first.shape))
    return undefined;
  const from = [first, operand(1), operand(2), operand(3)].filter((term) => term !== undefined);
  if (first.kind === 'entries') return cutEntries(first, count, { node, from });
  return { ...first, node, from, shape: [count], load: async () => (await first.load()).subarray(0, count) };
}

async function gather(node: Node, first: Term, second: Term | undefined, constants: SmallConstants): Promise<Term | undefined> {
  const axis = intAttribute(node, 'axis', 0);
  if (axis === 0 && first.kind === 'narrow' && (second?.kind === 'index' || second?.kind === 'integers'))
    return lookedUpEntries(first, second, { node, from: [first, second] });
  if (axis === 0 && second?.kind === 'index') return unpacked(node, first, second, constants);
  if (axis === 0) return isTable(first) ? { kind: 'looked-up', node, from: [first], table: first, rows: node.inputs[1] ?? '' } : undefined;
  const table = first.kind === 'integers' ? first : asScales(first);
  if (axis !== 1 || !table || table.spread || table.shape.length !== 3 || !second) return undefined;
  const spread = await constants.spread(second, table.shape[1] ?? 0);
  return spread && { ...table, node, from: [first, second], spread };
}

/** What rows of codes or scales may be looked up in. */
function isTable({ kind }: Term): boolean {
  return kind === 'constant' || kind === 'narrow' || kind === 'scales';
}

/** Codes that were packed, looked up in a table of what each byte holds. */
async function unpacked(node: Node, first: Term, second: Index, constants: SmallConstants): Promise<Integers | undefined> {
  const [table] = first.from;
  const held = first.kind === 'integers' && table?.kind === 'constant' ? await constants.table(table) : undefined;
  if (!held) return undefined;
  const { stored } = second;
  const shape = [...stored.shape, 8 / held.bits];
  const load = async () => unpack(await loadCodes(stored.weight), held.bits, elementsOf(shape));
  return { kind: 'integers', node, from: [first, second], shape, ...held, load };
}

function subtract(node: Node, first: Term, second: Term): Term | undefined {
  const origin = { node, from: [first, second] };
  if (first.kind === 'integers' && second.kind === 'integers') return { ...origin, kind: 'shifted', codes: first, zeros: second };
  if (first.kind !== 'looked-up' || second.kind !== 'looked-up' || first.rows !== second.rows) return undefined;
  const [codes, zeros] = [first.table, second.table];
  if (codes.kind !== 'integers' || zeros.kind !== 'integers') return undefined;
  const table: Shifted = { kind: 'shifted', from: [codes, zeros], codes, zeros };
  return { ...origin, kind: 'looked-up', table, rows: first.rows };
}

function multiply(node: Node, first: Term, second: Term): Term | undefined {
  const origin = { node, from: [first, second] };
  if (first.kind === 'integers' || first.kind === 'shifted') {
    const scales = asScales(second);
    return scales && product(first, scales, origin);
  }
  if (first.kind === 'looked-up' && second.kind === 'looked-up' && first.rows === second.rows) {
    const { table: codes } = first;
    const scales = asScales(second.table);
    if (!scales || (codes.kind !== 'integers' && codes.kind !== 'shifted')) return undefined;
    const table = product(codes, scales, { from: [codes, scales] });
    return table && isRows(table) ? { ...origin, kind: 'looked-up', table, rows: first.rows } : undefined;
  }
  if (first.kind === 'entries') {
    const scales = asScales(second);
    return scales && scaledEntries(first, scales, origin);
  }
  if (second.kind === 'steps') {
    if (first.kind === 'levels') return steppedLevels(first, second, origin);
    return first.kind === 'whole' ? steppedInputs(first, second, origin) : undefined;
  }
  return first.kind === 'narrow' ? inUnits(first, second, origin) : undefined;
}

/** Rows of codes and rows of scales belong together when every row has a scale of its own. */
function isRows({ shape, layout }: Affine): boolean {
  return shape.length === 2 && layout.outputs.join() === '0' && layout.block === 'row';
}

/** Narrow scales in units of one number of the weight's own. */
function inUnits(first: Extract<Term, { kind: 'narrow' }>, second: Term, origin: Origin): Scales | undefined {
  if (second.kind !== 'constant' || second.weight.dtype !== 'f32' || !isSingle(second) || second.shape.length > 1) return undefined;
  const scales = asScales(first);
  if (!scales || scales.shape.length < second.shape.length) return undefined;
  const load = async () => {
    const [unit = 1] = await loadFloats(second.weight);
    return (await scales.load()).map((scale) => scale * unit);
  };
  return { ...scales, ...origin, load };
}
