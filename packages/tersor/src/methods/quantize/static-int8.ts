import { TersorError } from '../../core/error.ts';
import type { WeightId } from '../../core/graph.ts';
import type { Layer } from '../../core/layers.ts';
import type { AffineLayout } from '../../core/layout.ts';
import { fromMatrix } from '../../core/matrix.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import type { Weight } from '../../core/model.ts';
import { ofValue } from '../../core/observation.ts';
import { boolean, names, number, oneOf, type Values } from '../../core/options.ts';
import { hasGraph, type IntegersAsked, integerValues, openIntegers } from '../../core/static-int8/open-integers.ts';
import { type IntegerWeight, writeIntegers } from '../../core/static-int8/write.ts';
import type { AffineTensor } from '../../core/tensor.ts';
import { int } from '../../numeric/int.ts';
import { quantizeWeight } from '../quantize-weight.ts';

/** Bits that weights take of their bytes. */
const BITS = { full: 8, reduced: 7 } as const;

const options = {
  ranges: oneOf(['mse', 'minmax', 'percentile', 'entropy'], {
    default: 'mse',
    doc: 'How the range of an activation is found from what was seen of it: least squared error, all, all but a tail at each end, or least divergence.',
    search: ['mse', 'minmax', 'percentile', 'entropy'],
  }),
  percentile: number(50, 100, {
    default: 99.99,
    doc: 'Percent of the elements that lie below the upper end; of the lower end as many lie above.',
  }),
  fit: oneOf(['absmax', 'mse'], {
    default: 'absmax',
    doc: 'How scales of weights are found: from the largest magnitude of each output, or by the least squared error.',
    search: ['absmax', 'mse'],
  }),
  range: oneOf(['full', 'reduced'], {
    default: 'full',
    doc: 'Bits of the weights: full: 8; reduced: 7, for x86 processors without VNNI.',
    search: ['full', 'reduced'],
  }),
  types: oneOf(['u8s8', 'u8u8', 's8s8'], {
    default: 'u8s8',
    doc: 'Types of activations and weights, unsigned or signed. u8s8 is quickest on x86 and WebAssembly, s8s8 is what ARM likes.',
  }),
  format: oneOf(['qdq', 'qoperator'], {
    default: 'qdq',
    doc: 'qdq: QuantizeLinear and DequantizeLinear around ordinary operators, which runtimes fuse; qoperator: QLinearConv and its like themselves.',
  }),
  attention: boolean({ default: false, doc: 'Products of two activations become integers, too.' }),
  keep: names({
    default: [],
    doc: 'Operators (Add) and nodes, by name or output, that go on computing with floats. `*` stands for all but `.` and `/`, `**` for anything.',
  }),
};

export default defineMethod({
  id: 'static-int8',
  family: 'quantize',
  summary: 'Computes convolutions and what lies between them in 8-bit integers, with ranges that your data show. Smaller and much faster.',
  notes: [
    'Takes convolutions, products with constant weights (MatMul, Gemm), and arithmetic between them (Add, Mul, averages, Concat, Sigmoid, LeakyRelu), so that codes go',
    'from one operator to the next; Reshape, Transpose, MaxPool and their like move codes. Clip and Relu vanish into the range of what is before them. Products give floats, and',
    'so nothing is rounded between a layer and its normalization. ConvTranspose, Softmax, LSTM and GRU have no quick operators with codes: a step of `rtn` or `dynamic-int8`',
    'after this one takes their weights. BatchNormalization is folded first. Branches are left alone.',
    '',
    'What a layer loses is mostly what its activations lose, and a few of them lose nearly everything: `where` says which weights become integers, `keep` which other operators',
    'stay between floats. `tersor model.onnx --data … --max-latency 0.7x --max-drop 1%` finds out which by itself.',
    '',
    'Weights that an earlier step rounded to 8 bits, a scale for each output (`gptq` with `bits: 8, block: row, symmetric: true`), keep their codes. The graph is carried over to operator',
    'set 13 where it is older.',
    '',
    'x86 processors without VNNI (AMD before Zen 4, Intel before Cascade Lake) add pairs of products in 16 bits, which overflow where both are large. `range: reduced` keeps',
    'weights within 7 bits, where that cannot happen, but small networks lose much by it: the divergence of EfficientNet-Lite0 was ten times as large.',
    '',
    'A convolution that stays between floats reads codes by a scale for each channel, all equal: of one scale for all, onnxruntime would conclude that it may round its weight, too.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/1712.05877',
  options,
  changes: 'graph',
  folds: true,
  loss: 'data-dependent',
  formats: ['onnx'],
  needs: (model, asked, scope) =>
    hasGraph(model) ? [...integerValues(model, askedOf(asked), idsOf(scope))].map((name) => ofValue(name, 'histogram')) : [],
  async apply(model, asked, { scope, note, kernels, observed }) {
    if (!hasGraph(model)) return model;
    const { plan, gridOf, model: whole } = await openIntegers(model, askedOf(asked), idsOf(scope), observed);
    const taken = new Set([...plan.kinds.keys()].map(({ inputs }) => whole.graph.initializers.get(inputs[1] ?? '')));
    for (const { weight } of scope) if (!taken.has(weight.id)) note(weight.id, 'stays between floats: no operator with codes takes it');
    if (plan.values.size === 0) return model;
    return writeIntegers(whole, plan, {
      format: asked.format,
      activations: askedOf(asked).activations,
      weights: asked.types === 'u8u8' ? 'u8' : 'i8',
      gridOf,
      integers: (weight, axis) => integersOf(weight, axis, asked, kernels),
    });
  },
});

function askedOf({ types, ...asked }: Values<typeof options>): IntegersAsked {
  return { ...asked, activations: types === 's8s8' ? 'i8' : 'u8' };
}

function idsOf(scope: readonly Layer[]): Set<WeightId> {
  return new Set(scope.map(({ weight }) => weight.id));
}

function integersOf(weight: Weight, axis: number, { fit, range }: Values<typeof options>, kernels: Context['kernels']): IntegerWeight {
  const layout: AffineLayout = { kind: 'affine', numeric: int(8), outputs: [axis], block: 'row', scale: { kind: 'dense', dtype: 'f32' } };
  const quantized = async (): Promise<AffineTensor> => {
    if (weight.layout.kind === 'dense') return quantizeWeight(weight, layout, fit, kernels, BITS[range]);
    const tensor = await weight.load();
    if (tensor.kind === 'affine') return tensor;
    throw new TersorError('INTERNAL', weight.id, `planned as affine, but loads as ${tensor.kind}`);
  };
  let scales: Promise<Float32Array> | undefined;
  return {
    codes: async () => Int8Array.from(fromMatrix((await quantized()).codes, weight.shape, [axis]), (code) => code - 128),
    scales: () => (scales ??= quantized().then((tensor) => tensor.scales)),
  };
}
