import { elementsOf } from '../../core/dtype.ts';
import { intAttribute, stringAttribute } from '../../core/graph.ts';
import type { Matrix } from '../matrix.ts';
import type { Place } from '../place.ts';
import { asFloats, type Seeing, type Working } from '../sight.ts';

/** What a product multiplies its weight by: rows are all axes but the one that is summed over, and those that weights of several matrices have. */
export function linearInput(working: Working): Seeing {
  const { node, use } = working;
  if (node.op === 'Einsum') return einsumInput(working);
  if (node.op === 'Attention') return shared(node.inputs[0] ?? '', working.layer.inputs);
  return use.input === 1 ? afterwards(working) : before(working);
}

/** `X W`: the last axis of X is summed over, or with transA the one before it. */
function afterwards(working: Working): Seeing {
  const { node } = working;
  const name = node.inputs[0] ?? '';
  if (intAttribute(node, 'transBatchA', 0) !== 0) return `${node.op} takes its batch from the middle`;
  return product(working, name, intAttribute(node, 'transA', 0) === 0 ? -1 : -2);
}

/** `W X`: the last axis but one is summed over, or with transB the last. */
function before(working: Working): Seeing {
  const { node } = working;
  const name = node.inputs[1] ?? '';
  if (intAttribute(node, 'transBatchB', 0) !== 0) return `${node.op} takes its batch from the middle`;
  return product(working, name, intAttribute(node, 'transB', 0) === 0 ? -2 : -1);
}

/** @param summed  the axis of the value `name` that is summed over, from its end */
function product(working: Working, name: string, summed: -1 | -2): Seeing {
  const { layer, shape, axes, node } = working;
  const batch = shape.slice(0, -2);
  const groups = elementsOf(batch);
  if (groups === 1 && summed === -1) return shared(name, layer.inputs);
  const sizes = node.op === 'Gemm' || node.op === 'FusedGemm' ? [undefined, undefined] : working.sizesOf(name);
  if (!sizes) return `the rank of ${name} is not known`;
  const rank = sizes.length;
  const batchAxes = groups === 1 ? [] : batch.map((_, i) => rank - 2 - batch.length + i);
  const isBroadcast = batchAxes.some((axis, i) => axis < 0 || sizes[axis] !== batch[i]);
  if (isBroadcast) {
    if (batchAxes.some((axis, i) => axis >= 0 && sizes[axis] !== 1 && sizes[axis] !== batch[i])) return `the batch of ${name} is not known`;
    if (batchAxes.some((axis, i) => axis >= 0 && sizes[axis] !== 1 && batch[i] !== 1)) return `the batch of ${name} is spread in part`;
  } else if (axes.some((axis, i) => batchAxes.length > 0 && i < batch.length && axis !== i)) return "the weight's matrices are reordered";
  return turned(name, isBroadcast ? [] : batchAxes, [rank + summed], rank, isBroadcast ? 1 : groups, layer.inputs);
}

/** Labels tell which axes are summed over, and which both operands keep. */
function einsumInput({ node, use, layer, axes }: Working): Seeing {
  const equation = stringAttribute(node, 'equation', '').replaceAll(' ', '');
  const [left = '', stated] = equation.split('->');
  const operands = left.split(',');
  const other = 1 - use.input;
  const [own = '', labels = ''] = [operands[use.input], operands[other]];
  if (operands.length !== 2 || equation.includes('.') || new Set(labels).size !== labels.length) return `${equation} is not followed`;
  const kept = stated ?? [...left].filter((label) => left.indexOf(label) === left.lastIndexOf(label)).join('');
  const summed = [...own].filter((label) => !kept.includes(label));
  const batch = [...own].filter((label) => kept.includes(label) && labels.includes(label));
  const isPlain = axes.every((axis, i) => axis === i) && summed.every((label) => labels.includes(label));
  const outputs = [...own].filter((label) => kept.includes(label));
  if (!isPlain || !batch.every((label, i) => outputs[i] === label)) return `${equation} is not followed`;
  const axesOf = (wanted: readonly string[]) => wanted.map((label) => labels.indexOf(label));
  const groups = elementsOf(batch.map((label) => layer.weight.shape[own.indexOf(label)] ?? 1));
  return turned(node.inputs[other] ?? '', axesOf(batch), axesOf(summed), labels.length, groups, layer.inputs);
}

/** All axes but the last are rows. */
function shared(name: string, columns: number): Seeing {
  return seeing(name, `${columns}`, { groups: 1, columns }, (place, value) => ({
    name: place.reshape(value, [1, -1, columns]),
    columnsFirst: false,
  }));
}

/** The axes brought into the order of groups, rows and columns. */
function turned(
  name: string,
  groupAxes: readonly number[],
  columnAxes: readonly number[],
  rank: number,
  groups: number,
  columns: number,
): Seeing {
  const rows = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !groupAxes.includes(axis) && !columnAxes.includes(axis));
  const perm = [...groupAxes, ...rows, ...columnAxes];
  return seeing(name, `${perm} ${groups} ${columns}`, { groups, columns }, (place, value) => ({
    name: place.reshape(place.add('Transpose', [value], { perm }), [groups, -1, columns]),
    columnsFirst: false,
  }));
}

function seeing(
  name: string,
  how: string,
  size: { readonly groups: number; readonly columns: number },
  matrix: (place: Place, value: string) => Matrix,
): Seeing {
  return { key: `${name} ${how}`, ...size, look: (place) => ({ value: name, matrix: () => matrix(place, asFloats(place, name)) }) };
}
