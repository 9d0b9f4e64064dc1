import { decode, denseOf } from '../../core/decode.ts';
import { elementsOf } from '../../core/dtype.ts';
import { findLayers } from '../../core/find-layers.ts';
import { eachGraph, floatAttribute, intAttribute, makeNode, type Node } from '../../core/graph.ts';
import { withUniqueNames } from '../../core/graph-edit/names.ts';
import type { Layer, Use } from '../../core/layers.ts';
import { fromMatrix, toMatrix } from '../../core/matrix.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import { type Edit, openEdit } from '../../core/migration/edit.ts';
import { type Load, type Model, type Weight, withGraph } from '../../core/model.ts';
import { ofInput } from '../../core/observation.ts';
import { boolean, integer, oneOf, type Values } from '../../core/options.ts';
import { narrow } from '../../core/precision/narrow.ts';
import { integerLayout } from '../integer-layout.ts';
import { leadingDirections, transposedTimes } from '../leading-directions.ts';
import { quantizeWeight } from '../quantize-weight.ts';

const options = {
  rank: integer(1, 1024, {
    default: 16,
    doc: 'Width of the branch: each unit costs as many numbers as the layer has inputs and outputs.',
    search: [8, 16, 32],
  }),
  weigh: boolean({
    default: true,
    doc: 'Weigh what was lost by what flows into the layer, which needs data; otherwise all inputs count the same.',
  }),
  store: oneOf(['f16', 'int8', 'f32'], { default: 'f16', doc: 'How the two matrices of the branch are stored.' }),
};

type Asked = Values<typeof options>;

export default defineMethod({
  id: 'compensate-low-rank',
  family: 'lowrank',
  summary: 'Adds a narrow branch beside layers that were rounded, which gives back most of what they lost: y = xŴ + (xA)B.',
  notes: [
    'A step behind `rtn` or `gptq`, for linear layers and convolutions of one group. The branch is what of the lost part of the weight matters most for the inputs that were seen, at that rank: no other',
    'of its rank loses less. It costs `rank` × (inputs + outputs) numbers, and two small products when the model runs.',
    '',
    'On a language model of 6 million weights, `gptq` at 2 bits in blocks of 16 loses 19 % less with a branch of rank 8, which is 6.5 % more bytes where the embedding stays. Whether the same bytes are',
    'better spent on shorter blocks or more bits, is to be compared. Only a recipe can name it: the search chooses weights, not branches.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/2402.02446',
  options,
  changes: 'graph',
  loss: 'data-dependent',
  formats: ['onnx'],
  needs: (_, { weigh }, scope) =>
    weigh ? scope.filter(({ kind }) => kind !== 'embedding').map(({ weight }) => ofInput(weight.id, 'gram')) : [],
  apply: addBranches,
});

async function addBranches(model: Model, asked: Asked, context: Context): Promise<Model> {
  if (!model.graph) return model;
  const unique = withGraph(model, withUniqueNames(model.graph));
  const wanted = new Set(context.scope.map(({ weight }) => weight.id));
  const branches = new Map<Node, Branch>();
  for (const layer of await findLayers(unique)) {
    if (!wanted.has(layer.weight.id)) continue;
    const found = branchOf(layer, asked, context);
    if (typeof found === 'string') context.note(layer.weight.id, `gets no branch: ${found}`);
    else branches.set(found.use.node, found);
  }
  if (branches.size === 0 || !unique.graph) return model;
  const edit = openEdit(unique, unique.graph);
  for (const { graph, path } of eachGraph(unique.graph)) {
    for (const node of graph.nodes) {
      const branch = branches.get(node);
      if (branch) addBranch(node, branch, path, edit);
    }
  }
  return edit.close();
}

interface Branch {
  readonly use: Use;
  /** Its two matrices, as weights. */
  first(id: string): Weight;
  second(id: string): Weight;
}

function branchOf(layer: Layer, asked: Asked, context: Context): Branch | string {
  const { weight, uses, inputs, outputs } = layer;
  const [use] = uses;
  const rank = Math.min(asked.rank, inputs, outputs);
  if (weight.layout.kind !== 'affine') return 'it was not rounded';
  if (!weight.original) return 'what it was before is not known';
  if (!use || uses.length > 1 || !use.axes) return 'several operators use it, or it is reshaped';
  const { node } = use;
  const isConv = node.op === 'Conv' && use.direct && intAttribute(node, 'group', 1) === 1;
  const isGemm = node.op === 'Gemm' && intAttribute(node, 'transA', 0) === 0 && floatAttribute(node, 'alpha', 1) === 1;
  const isProduct = isGemm || (node.op === 'MatMul' && weight.shape.length === 2);
  if (use.input !== 1 || node.domain !== '' || !(isConv || isProduct) || weight.dtype !== 'f32')
    return `${node.op} is none that it is made for`;
  const { original } = weight;
  let found: Promise<Factors> | undefined;
  const factors = () => {
    found ??= factorsOf(layer, original, rank, asked, context);
    return found;
  };
  const kernel = isConv ? weight.shape.slice(1) : [inputs];
  const first: Side = isConv ? { shape: [rank, ...kernel], axis: 0 } : { shape: [inputs, rank], axis: 1 };
  const second: Side = isConv ? { shape: [outputs, rank, ...kernel.slice(1).map(() => 1)], axis: 0 } : { shape: [rank, outputs], axis: 1 };
  return {
    use,
    first: (id) => stored(id, first, async () => (await factors()).a, asked, context),
    second: (id) => stored(id, second, async () => (await factors()).b, asked, context),
  };
}

interface Side {
  readonly shape: readonly number[];
  /** Of its outputs. */
  readonly axis: number;
}

/** A matrix `[outputs, inputs]` as a weight. */
function stored(id: string, { shape, axis }: Side, values: () => Promise<Float32Array>, { store }: Asked, { kernels }: Context): Weight {
  const load: Load = async () => denseOf(fromMatrix(await values(), shape, [axis]), shape);
  const dense: Weight = { id, shape, dtype: 'f32', layout: { kind: 'dense', dtype: 'f32' }, load };
  if (store === 'f32') return dense;
  if (store === 'f16') return narrow(dense, kernels, { type: 'f16', dtype: 'f32', floor: false, clamp: true });
  const inputs = elementsOf(shape) / (shape[axis] ?? 1);
  const layout = integerLayout({ outputAxes: [axis], inputs }, { bits: 8, block: 'row', symmetric: true, scale: 'f32' });
  return { ...dense, layout, load: () => quantizeWeight(dense, layout, 'absmax', kernels) };
}

interface Factors {
  /** `[rank, inputs]`. */
  readonly a: Float32Array;
  /** `[outputs, rank]`. */
  readonly b: Float32Array;
}

async function factorsOf(
  { weight, outputs: rows, inputs: columns, outputAxes }: Layer,
  original: Load,
  rank: number,
  { weigh }: Asked,
  { observed, note, random }: Context,
): Promise<Factors> {
  const gram = weigh ? await observed(ofInput(weight.id, 'gram')) : undefined;
  if (weigh && gram?.groups !== 1) note(weight.id, 'gets a branch that all inputs count the same for: no run of the data came through it');
  const before = toMatrix(decode(await original()), weight.shape, outputAxes);
  const after = toMatrix(decode(await weight.load()), weight.shape, outputAxes);
  const lost = { matrix: before.map((value, i) => value - after[i]!), rows, columns, ...(gram?.groups === 1 && { gram: gram.values }) };
  const [a, b] = [new Float32Array(rank * columns), new Float32Array(rows * rank)];
  for (const [k, direction] of leadingDirections(lost, rank, random(weight.id)).entries()) {
    const given = transposedTimes(lost, direction);
    // both sides as large, so that small types hold both
    const balance = Math.sqrt(peakOf(given) / peakOf(direction)) || 1;
    for (let column = 0; column < columns; column++) a[k * columns + column] = given[column]! / balance;
    for (let row = 0; row < rows; row++) b[row * rank + k] = direction[row]! * balance;
  }
  return { a, b };
}

function peakOf(values: Float64Array): number {
  return values.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
}

/** Beside the operator, whose place their sum takes. */
function addBranch(node: Node, { use, first, second }: Branch, path: string, edit: Edit): void {
  const [x = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const weight = node.inputs[use.input] ?? '';
  const [a, b] = [edit.declare(path, `${weight}_a`, first), edit.declare(path, `${weight}_b`, second)];
  const [own, narrowed, given] = [edit.fresh(`${output}_rounded`), edit.fresh(`${output}_narrow`), edit.fresh(`${output}_branch`)];
  const branch =
    node.op === 'Conv'
      ? [{ ...makeNode('Conv', [x, a], [narrowed]), attributes: node.attributes }, makeNode('Conv', [narrowed, b], [given])]
      : [makeNode('MatMul', [x, a], [narrowed]), makeNode('MatMul', [narrowed, b], [given])];
  edit.rename(node, output, own);
  edit.behind(node, [...branch, makeNode('Add', [own, given], [output])]);
}
