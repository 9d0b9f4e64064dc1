import { decode } from '../../core/decode.ts';
import { findLayers } from '../../core/find-layers.ts';
import { eachGraph, floatAttribute, intAttribute, type Node, type WeightId } from '../../core/graph.ts';
import { withUniqueNames } from '../../core/graph-edit/names.ts';
import { vectorWeight } from '../../core/graph-edit/scale-weight.ts';
import type { Layer } from '../../core/layers.ts';
import { toMatrix } from '../../core/matrix.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import { type Edit, openEdit } from '../../core/migration/edit.ts';
import { type Load, type Model, type Weight, withGraph } from '../../core/model.ts';
import { type Columns, ofInput } from '../../core/observation.ts';
import { oneOf, type Values } from '../../core/options.ts';
import { constantOf, eachFlow, type Flow, flowOf, readersOf } from '../../core/precision/flow.ts';
import { normalizedMeans } from '../normalized-means.ts';

/** A mean of fewer positions is mostly chance. */
const LEAST_POSITIONS = 32;

const options = {
  from: oneOf(['data', 'normalization'], {
    default: 'data',
    doc: 'What means of inputs are known from: data that runs through the model, or the BatchNormalization before a layer, which needs no data.',
  }),
};

type Asked = Values<typeof options>;

export default defineMethod({
  id: 'correct-bias',
  family: 'quantize',
  summary:
    'Works what rounded weights add to the mean of each output into the bias, so that outputs keep their means. Costs nothing at run time.',
  notes: [
    'A step behind `rtn` or `gptq`, and before `static-int8`. Of each output of a layer (W - Ŵ)E[x] is added to the bias, which makes the mean of its error zero, and the mean of its square smaller by the',
    'square of that mean, for the inputs that were seen. It matters where inputs have means far from zero, as behind Relu, and where few bits are left.',
    '',
    'Conv and Gemm are given a bias where they have none; of MatMul the Add behind it is changed. Left alone: other operators, layers that several operators use, and those that fewer',
    'than 32 positions came through.',
    '',
    '`from: normalization` takes inputs to be as the BatchNormalization before the layer says, normally distributed around its bias, cut by Relu or Clip behind it: rounding has to go before the',
    'normalizations are folded.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/1906.04721',
  options,
  changes: 'values',
  loss: 'data-dependent',
  formats: ['onnx'],
  needs: (_, { from }, scope) => (from === 'data' ? scope.filter(isRounded).map(({ weight }) => ofInput(weight.id, 'mean')) : []),
  apply: correct,
});

function isRounded({ weight, kind }: Layer): boolean {
  return weight.original !== undefined && weight.layout.kind !== 'dense' && (kind === 'linear' || kind === 'conv');
}

async function correct(model: Model, asked: Asked, context: Context): Promise<Model> {
  if (!model.graph) return model;
  const unique = withGraph(model, withUniqueNames(model.graph));
  if (!unique.graph) return model;
  const wanted = new Set(context.scope.map(({ weight }) => weight.id));
  const layers = new Map(
    (await findLayers(unique)).filter(({ weight }) => wanted.has(weight.id)).map((layer) => [layer.uses[0]?.node, layer]),
  );
  const edit = openEdit(unique, unique.graph);
  const flows = new Map([...eachFlow(flowOf(unique.graph))].map((flow) => [flow.graph, flow]));
  for (const { graph, path } of eachGraph(unique.graph)) {
    const flow = flows.get(graph);
    for (const node of flow ? graph.nodes : []) {
      const layer = layers.get(node);
      const original = layer?.weight.original;
      if (!flow || !layer || !original || !isRounded(layer)) continue;
      const means = asked.from === 'data' ? seenMeans(layer, context) : normalizedMeans(layer, node, flow, unique.weights);
      const refused = means
        ? correctLayer(layer, node, { flow, path }, unique, edit, shiftOf(layer, original, means))
        : 'no normalization is right before it';
      if (refused) context.note(layer.weight.id, `keeps its bias: ${refused}`);
    }
  }
  return edit.close();
}

type Means = Pick<Columns, 'groups' | 'columns' | 'values'>;

/** Looked at when the result is written. */
function seenMeans({ weight }: Layer, { observed, note }: Context): () => Promise<Means | undefined> {
  return async () => {
    const seen = await observed(ofInput(weight.id, 'mean'));
    if (seen && seen.rows >= LEAST_POSITIONS) return seen;
    note(weight.id, `keeps its bias: ${seen?.rows ?? 'no'} positions came through it`);
    return undefined;
  };
}

/** What is added to the bias, f64 `[outputs]`: (W - Ŵ)E[x]. */
function shiftOf({ weight, outputs, inputs, outputAxes }: Layer, original: Load, means: () => Promise<Means | undefined>) {
  return async (): Promise<Float64Array> => {
    const shift = new Float64Array(outputs);
    const seen = await means();
    if (seen?.columns !== inputs) return shift;
    const before = toMatrix(decode(await original()), weight.shape, outputAxes);
    const after = toMatrix(decode(await weight.load()), weight.shape, outputAxes);
    for (let row = 0; row < outputs; row++) {
      const first = Math.floor((row * seen.groups) / outputs) * inputs;
      for (let i = 0; i < inputs; i++) shift[row]! += (before[row * inputs + i]! - after[row * inputs + i]!) * seen.values[first + i]!;
    }
    return shift;
  };
}

/** @returns why not */
function correctLayer(
  { weight, uses, outputs }: Layer,
  node: Node,
  { flow, path }: { readonly flow: Flow; readonly path: string },
  { weights }: Model,
  edit: Edit,
  shift: () => Promise<Float64Array>,
): string | undefined {
  const [use] = uses;
  if (!use || uses.length > 1 || use.input !== 1 || node.domain !== '' || weight.dtype !== 'f32')
    return 'several operators use it, or in another way';
  const add = async (values: Float64Array | Float32Array) => {
    for (const [i, value] of (await shift()).entries()) values[i]! += value;
  };
  const place = placeOf(node, flow);
  if (typeof place === 'string') return place;
  const { reader, input } = place;
  const name = reader.inputs[input];
  if (!name) {
    const make = (id: WeightId): Weight => vectorWeight(id, 'f32', outputs, shift);
    const bias = edit.declare(path, `${node.outputs[0]}_bias`, make);
    edit.replace(node, [{ ...node, inputs: [node.inputs[0] ?? '', node.inputs[1] ?? '', bias] }]);
    return undefined;
  }
  const bias = weights.get(constantOf(flow, name) ?? '');
  if (bias?.layout.kind !== 'dense' || bias.dtype !== 'f32' || bias.shape.length !== 1 || bias.shape[0] !== outputs)
    return 'its bias is no constant with a number for each output';
  edit.change(path, { weight: bias.id, node: reader, input }, add);
  return undefined;
}

/** Where the bias of an operator is, or may be; otherwise why it may not. */
function placeOf(node: Node, flow: Flow): { readonly reader: Node; readonly input: number } | string {
  if (node.op === 'Conv') return { reader: node, input: 2 };
  if (node.op === 'Gemm') {
    const isPlain =
      intAttribute(node, 'transA', 0) === 0 && floatAttribute(node, 'alpha', 1) === 1 && floatAttribute(node, 'beta', 1) === 1;
    return isPlain ? { reader: node, input: 2 } : 'it is scaled or turned';
  }
  const [reader, ...others] = readersOf(flow, node.outputs[0] ?? '');
  if (node.op !== 'MatMul' || others.length > 0 || reader?.node.op !== 'Add' || reader.flow !== flow) return 'nothing is added behind it';
  return { reader: reader.node, input: 1 - reader.input };
}
