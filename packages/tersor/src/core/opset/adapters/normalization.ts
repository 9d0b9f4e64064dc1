import { floatAttribute, intAttribute, makeNode, type Node } from '../../graph.ts';
import { type Adapters, type Edit, refusal, withAttributes, withOneOutput } from '../adapter.ts';

const TRAINING = 'it trains: its running statistics are read, and newer versions compute others';

/** Softmax and normalisations whose defaults, axes or parameters changed their meaning. */
export const NORMALIZATION: Adapters = {
  Softmax: { 13: alongLastAxis },
  LogSoftmax: { 13: alongLastAxis },
  Hardmax: { 13: alongLastAxis },
  BatchNormalization: { 9: alwaysSpatial, 14: (node, edit) => [withOneOutput(node, edit, TRAINING)] },
  GroupNormalization: { 21: scaleEachChannel },
};

/** Before opset 13 all axes from `axis` on are one: the same as the last axis alone only when `axis` is the last. */
function alongLastAxis(node: Node, edit: Edit): readonly Node[] {
  const [input = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const axis = intAttribute(node, 'axis', 1);
  const last = withAttributes(node, ['axis'], { axis: -1 });
  if (axis === -1 || axis + 1 === edit.rankOf(input)) return [last];
  const [flat, done, shape] = [edit.fresh(`${output}_flat`), edit.fresh(`${output}_rows`), edit.fresh(`${output}_shape`)];
  return [
    makeNode('Shape', [input], [shape]),
    makeNode('Flatten', [input], [flat], { axis }),
    { ...last, inputs: [flat], outputs: [done] },
    makeNode('Reshape', [done, shape], [output]),
  ];
}

/** `spatial = 0` has statistics for every feature, which plain arithmetic expresses. */
function alwaysSpatial(node: Node, edit: Edit): readonly Node[] {
  const single = withOneOutput(node, edit, TRAINING);
  if (intAttribute(node, 'spatial', 1) !== 0) return [withAttributes(single, ['spatial'])];
  const [x = '', scale = '', bias = '', mean = '', variance = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const type = edit.typeOf(x);
  if (type !== 'f32' && type !== 'f64' && type !== 'f16')
    throw refusal(node, 'spatial = 0 ends at opset 9, and the type of its input is not known');
  const epsilon = edit.constant(type, [], [floatAttribute(node, 'epsilon', 1e-5)]);
  const part = (name: string) => edit.fresh(`${output}_${name}`);
  const [shifted, positive, deviation, normal, scaled] = [
    part('shifted'),
    part('positive'),
    part('deviation'),
    part('normal'),
    part('scaled'),
  ];
  return [
    makeNode('Sub', [x, mean], [shifted]),
    makeNode('Add', [variance, epsilon], [positive]),
    makeNode('Sqrt', [positive], [deviation]),
    makeNode('Div', [shifted, deviation], [normal]),
    makeNode('Mul', [normal, scale], [scaled]),
    makeNode('Add', [scaled, bias], [output]),
  ];
}

/** Before opset 21 scale and bias are per group; they are repeated for the channels of the group. */
function scaleEachChannel(node: Node, edit: Edit): readonly Node[] {
  const [x = '', ...parameters] = node.inputs;
  const [output = ''] = node.outputs;
  const groups = edit.constant('i64', [1], [intAttribute(node, 'num_groups', 1)]);
  const [channels, each, target] = [edit.fresh(`${output}_channels`), edit.fresh(`${output}_each`), edit.fresh(`${output}_target`)];
  const repeated = parameters.map((name, i) => {
    const [column, wide, flat] = [
      edit.fresh(`${output}_column${i}`),
      edit.fresh(`${output}_wide${i}`),
      edit.fresh(`${output}_channel${i}`),
    ];
    const nodes = [
      makeNode('Reshape', [name, edit.constant('i64', [2], [-1, 1])], [column]),
      makeNode('Expand', [column, target], [wide]),
      makeNode('Reshape', [wide, edit.constant('i64', [1], [-1])], [flat]),
    ];
    return { flat, nodes };
  });
  return [
    makeNode('Shape', [x], [channels], { start: 1, end: 2 }),
    makeNode('Div', [channels, groups], [each]),
    makeNode('Concat', [groups, each], [target], { axis: 0 }),
    ...repeated.flatMap(({ nodes }) => nodes),
    { ...node, inputs: [x, ...repeated.map(({ flat }) => flat)] },
  ];
}
