import type { DType } from '../../dtype.ts';
import { floatAttribute, intAttribute, intsAttribute, type Node, stringAttribute } from '../../graph.ts';
import { type Adapter, type Adapters, type Edit, refusal, withAttributes, withInputs } from '../adapter.ts';

const REDUCTIONS = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSumSquare',
];

/** Operators that came to take as inputs what had been attributes. */
export const ATTRIBUTES_TO_INPUTS: Adapters = {
  Squeeze: { 13: listToInput('axes', 1) },
  Unsqueeze: { 13: listToInput('axes', 1) },
  ReduceSum: { 13: axesToInput },
  ...Object.fromEntries(REDUCTIONS.map((op) => [op, { 18: axesToInput }])),
  Split: { 13: listToInput('split', 1), 18: countOutputs },
  Slice: { 10: sliceToInputs },
  Pad: { 11: padToInputs },
  Clip: { 11: clipToInputs },
  TopK: { 10: (node, edit) => [withInputs(withAttributes(node, ['k']), { 1: edit.constant('i64', [1], [intAttribute(node, 'k', 1)]) })] },
  DFT: {
    20: (node, edit) => [withInputs(withAttributes(node, ['axis']), { 2: edit.constant('i64', [], [intAttribute(node, 'axis', 1)]) })],
  },
};

function listToInput(name: string, position: number): Adapter {
  return (node, edit) => {
    const list = intsAttribute(node, name);
    const bare = withAttributes(node, [name]);
    return [list ? withInputs(bare, { [position]: edit.constant('i64', [list.length], list) }) : bare];
  };
}

/** An empty list has meant "all axes" to runtimes, as no list does. */
function axesToInput(node: Node, edit: Edit): readonly Node[] {
  const axes = intsAttribute(node, 'axes');
  const bare = withAttributes(node, ['axes']);
  return [axes?.length ? withInputs(bare, { 1: edit.constant('i64', [axes.length], axes) }) : bare];
}

function countOutputs(node: Node): readonly Node[] {
  return [node.inputs[1] ? node : withAttributes(node, [], { num_outputs: node.outputs.length })];
}

function sliceToInputs(node: Node, edit: Edit): readonly Node[] {
  const lists = ['starts', 'ends', 'axes'].map((name) => intsAttribute(node, name));
  const inputs = lists.flatMap((list, i) => (list ? [[i + 1, edit.constant('i64', [list.length], list)]] : []));
  return [withInputs(withAttributes(node, ['starts', 'ends', 'axes']), Object.fromEntries(inputs))];
}

function padToInputs(node: Node, edit: Edit): readonly Node[] {
  const pads = intsAttribute(node, 'pads') ?? [];
  const value = floatAttribute(node, 'value', 0);
  const padded = withInputs(withAttributes(node, ['pads', 'value']), { 1: edit.constant('i64', [pads.length], pads) });
  if (value === 0 || stringAttribute(node, 'mode', 'constant') !== 'constant') return [padded];
  return [withInputs(padded, { 2: edit.constant(floatType(node, edit), [], [value]) })];
}

function clipToInputs(node: Node, edit: Edit): readonly Node[] {
  const limits = ['min', 'max'].flatMap((name, i) => {
    if (!node.attributes.has(name)) return [];
    return [[i + 1, edit.constant(floatType(node, edit), [], [floatAttribute(node, name, 0)])]];
  });
  return [withInputs(withAttributes(node, ['min', 'max']), Object.fromEntries(limits))];
}

/** The type that a number beside the first input must have. */
function floatType(node: Node, edit: Edit): DType {
  const type = edit.typeOf(node.inputs[0] ?? '');
  if (type === 'f32' || type === 'f16' || type === 'f64') return type;
  throw refusal(node, `the type of its input is ${type ?? 'not known'}, so its constants cannot be written`);
}
