import { type attributes, type Graph, makeNode, type Node } from '../../../src/core/graph.ts';
import type { Model, Weight } from '../../../src/core/model.ts';
import { graphOf, handMade, tensorInfo } from '../../support/hand-made-model.ts';

/** A node at the opset it is written in, and what it is fed: f32 numbers of these shapes under the names x, y, ... */
export interface OperatorCase {
  readonly name: string;
  readonly opset: number;
  readonly model: Model;
  readonly feeds: Readonly<Record<string, readonly number[]>>;
  /** The newest opset for which onnxruntime has the operator. */
  readonly last: number;
}

type Plain = Parameters<typeof attributes>[0];
type Weights = Readonly<Record<string, readonly number[] | bigint[] | ((id: string) => Weight)>>;

interface Options {
  readonly feeds?: OperatorCase['feeds'];
  readonly weights?: Weights;
  readonly outputs?: readonly string[];
  /** Whether the inputs' shapes are said; otherwise only their names and type. */
  readonly shapes?: boolean;
  readonly graphs?: Readonly<Record<string, Graph>>;
  readonly floats?: Readonly<Record<string, readonly number[]>>;
  readonly last?: number;
}

function one(opset: number, op: string, inputs: readonly string[], plain: Plain = {}, options: Options = {}): OperatorCase {
  const { feeds = { x: [2, 3, 4] }, weights = {}, outputs = ['out'], shapes = true, graphs = {}, floats = {}, last = 25 } = options;
  const plainNode = makeNode(op, inputs, outputs, plain);
  const node: Node = {
    ...plainNode,
    attributes: new Map([
      ...plainNode.attributes,
      ...Object.entries(floats).map(([name, value]) => [name, { kind: 'floats', value }] as const),
    ]),
    graphs: new Map(Object.entries(graphs)),
  };
  const model = handMade({
    nodes: [node],
    weights: Object.fromEntries(Object.entries(weights).map(([id, spec]) => [id, typeof spec === 'function' ? spec(id) : spec])),
    opset,
    inputs: Object.entries(feeds).map(([name, shape]) => tensorInfo(name, 'f32', shapes ? shape : undefined)),
    outputs: outputs.map((name) => ({ name })),
  });
  return { name: `${op} of opset ${opset} ${JSON.stringify(plain)} ${Object.keys(floats)}`, opset, model, feeds, last };
}

const PICTURE = { feeds: { x: [1, 2, 6, 6] } };
const CHANNELS = { scale: [2], bias: [2], mean: [2], variance: [2] };
const FEATURES = { scale: [2, 3, 3], bias: [2, 3, 3], mean: [2, 3, 3] };
const REDUCTIONS = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSum',
  'ReduceSumSquare',
];
const recurrent = (gates: number) => ({
  feeds: { x: [3, 2, 4] },
  weights: { w: [1, gates * 5, 4], r: [1, gates * 5, 5], b: [1, gates * 10] },
  outputs: ['out', 'state'],
});

/** Everything that an adapter rewrites, and what merely looks as if it changed. */
export const CASES: readonly OperatorCase[] = [
  one(7, 'Squeeze', ['x'], { axes: [0, 2] }, { feeds: { x: [1, 3, 1] } }),
  one(11, 'Squeeze', ['x'], {}, { feeds: { x: [1, 3, 1] } }),
  one(7, 'Unsqueeze', ['x'], { axes: [0, 4] }),
  ...REDUCTIONS.map((op) => one(7, op, ['x'], { axes: [0, 2], keepdims: 0 })),
  ...REDUCTIONS.map((op) => one(11, op, ['x'], { axes: [-1] })),
  one(11, 'ReduceMean', ['x']),
  one(11, 'ReduceSum', ['x']),
  one(13, 'ReduceSum', ['x', 'axes'], {}, { weights: { axes: [1n] } }),
  one(7, 'Split', ['x'], { axis: 2 }, { outputs: ['out', 'rest'] }),
  one(11, 'Split', ['x'], { axis: -1, split: [1, 3] }, { outputs: ['out', 'rest'] }),
  one(13, 'Split', ['x'], { axis: 2 }, { outputs: ['out', 'rest'] }),
  one(13, 'Split', ['x', 'split'], { axis: 2 }, { outputs: ['out', 'rest'], weights: { split: [1n, 3n] } }),
  one(7, 'Slice', ['x'], { starts: [1, -3], ends: [2, 100], axes: [0, 2] }),
  one(9, 'Slice', ['x'], { starts: [0, 1], ends: [1, 2] }),
  one(7, 'Pad', ['x'], { pads: [0, 1, 0, 0, 0, 2], value: { float: 1.5 } }),
  one(7, 'Pad', ['x'], { pads: [0, 0, 1, 0, 0, 2], mode: 'reflect' }),
  one(11, 'Pad', ['x', 'pads'], { mode: 'edge' }, { weights: { pads: [0n, 1n, 0n, 0n, 0n, 2n] } }),
  one(7, 'Clip', ['x'], { min: { float: -0.25 }, max: { float: 0.5 } }),
  one(7, 'Clip', ['x'], { max: { float: 0.125 } }),
  one(7, 'Clip', ['x']),
  one(7, 'TopK', ['x'], { k: 2, axis: 2 }, { outputs: ['out', 'positions'] }),
  one(10, 'TopK', ['x', 'k'], {}, { outputs: ['out', 'positions'], weights: { k: [3n] } }),
  one(7, 'Upsample', ['x'], { mode: 'nearest' }, { ...PICTURE, floats: { scales: [1, 1, 2, 3] } }),
  one(8, 'Upsample', ['x'], { mode: 'linear' }, { ...PICTURE, floats: { scales: [1, 1, 2.5, 2] } }),
  one(7, 'Dropout', ['x'], { ratio: { float: 0.3 } }),
  one(10, 'Dropout', ['x'], { ratio: { float: 0.3 } }),
  ...['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((op) => [
    one(7, op, ['x'], {}),
    one(7, op, ['x'], { axis: 2 }),
    one(11, op, ['x'], { axis: -2 }),
    one(11, op, ['x'], { axis: -1 }, { shapes: false }),
    one(11, op, ['x'], { axis: 2 }, { shapes: false }),
    one(11, op, ['x'], { axis: 0 }),
  ]),
  one(
    7,
    'BatchNormalization',
    ['x', 'scale', 'bias', 'mean', 'variance'],
    { spatial: 1, epsilon: { float: 0.5 } },
    { ...PICTURE, weights: CHANNELS },
  ),
  one(9, 'BatchNormalization', ['x', 'scale', 'bias', 'mean', 'variance'], { epsilon: { float: 0.5 } }, { ...PICTURE, weights: CHANNELS }),
  one(
    11,
    'Resize',
    ['x', 'roi', 'scales'],
    { mode: 'linear' },
    { ...PICTURE, weights: { roi: floats([]), scales: floats([1, 1, 1.5, 2]) } },
  ),
  one(11, 'Resize', ['x', 'roi', 'roi', 'sizes'], { mode: 'cubic' }, { ...PICTURE, weights: { roi: floats([]), sizes: [1n, 2n, 9n, 4n] } }),
  one(
    11,
    'Resize',
    ['x', 'roi', 'scales'],
    { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'floor' },
    {
      ...PICTURE,
      weights: { roi: floats([]), scales: floats([1, 1, 1.7, 0.6]) },
    },
  ),
  one(
    11,
    'Resize',
    ['x', 'roi', 'scales'],
    { coordinate_transformation_mode: 'align_corners', mode: 'linear' },
    {
      ...PICTURE,
      weights: { roi: floats([]), scales: floats([1, 1, 1.5, 2]) },
    },
  ),
  one(
    13,
    'Resize',
    ['x', '', 'scales'],
    { nearest_mode: 'floor', coordinate_transformation_mode: 'asymmetric' },
    { ...PICTURE, weights: { scales: floats([1, 1, 2, 2]) } },
  ),
  ...[
    [1, 1, 2, 2],
    [1, 1, 1.5, 2.7],
    [1, 1, 0.6, 0.5],
  ].flatMap((scales) => [
    one(10, 'Resize', ['x', 'scales'], { mode: 'nearest' }, { ...PICTURE, weights: { scales: floats(scales) } }),
    one(10, 'Resize', ['x', 'scales'], { mode: 'linear' }, { ...PICTURE, weights: { scales: floats(scales) } }),
  ]),
  one(
    10,
    'RoiAlign',
    ['x', 'rois', 'batch'],
    { output_height: 2, output_width: 2, sampling_ratio: 2 },
    {
      ...PICTURE,
      last: 21,
      weights: { rois: floats([0.3, 0.6, 4.2, 5], [1, 4]), batch: [0n] },
    },
  ),
  one(16, 'GridSample', ['x', 'grid'], { mode: 'bilinear' }, { ...PICTURE, weights: { grid: [1, 3, 3, 2] } }),
  one(16, 'GridSample', ['x', 'grid'], { mode: 'bicubic', align_corners: 1 }, { ...PICTURE, weights: { grid: [1, 3, 3, 2] } }),
  one(16, 'GridSample', ['x', 'grid'], { mode: 'nearest' }, { ...PICTURE, weights: { grid: [1, 3, 3, 2] } }),
  one(17, 'DFT', ['x'], {}, { feeds: { x: [1, 6, 1] } }),
  one(17, 'DFT', ['x'], { axis: 2, onesided: 1 }, { feeds: { x: [1, 2, 6, 1] } }),
  one(
    18,
    'GroupNormalization',
    ['x', 'scale', 'bias'],
    { num_groups: 2 },
    { feeds: { x: [1, 6, 3, 3] }, weights: { scale: [2], bias: [2] } },
  ),
  one(9, 'Scatter', ['x', 'at', 'with'], { axis: 1 }, { weights: { at: integers([1n, 2n], [1, 1, 2]), with: [1, 1, 2] } }),
  one(11, 'ScatterElements', ['x', 'at', 'with'], { axis: 1 }, { weights: { at: integers([1n, 2n], [1, 1, 2]), with: [1, 1, 2] } }),
  one(11, 'ScatterND', ['x', 'at', 'with'], {}, { weights: { at: integers([1n, 2n], [1, 2]), with: [1, 4] } }),
  one(11, 'GatherND', ['x', 'at'], {}, { weights: { at: integers([1n, 2n], [1, 2]) } }),
  one(7, 'LSTM', ['x', 'w', 'r', 'b'], { hidden_size: 5 }, recurrent(4)),
  one(7, 'GRU', ['x', 'w', 'r', 'b'], { hidden_size: 5 }, recurrent(3)),
  one(7, 'RNN', ['x', 'w', 'r', 'b'], { hidden_size: 5 }, recurrent(1)),
  one(7, 'MaxPool', ['x'], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, PICTURE),
  one(10, 'MaxPool', ['x'], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }, PICTURE),
  one(7, 'AveragePool', ['x'], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }, PICTURE),
  one(10, 'AveragePool', ['x'], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }, PICTURE),
  one(7, 'AveragePool', ['x'], { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' }, PICTURE),
  one(7, 'LpPool', ['x'], { kernel_shape: [2, 2], p: 3 }, PICTURE),
  one(7, 'GlobalAveragePool', ['x'], {}, PICTURE),
  one(7, 'InstanceNormalization', ['x', 'scale', 'bias'], {}, { ...PICTURE, weights: { scale: [2], bias: [2] } }),
  one(7, 'LRN', ['x'], { size: 3 }, PICTURE),
  one(7, 'LpNormalization', ['x'], { axis: 1 }),
  one(7, 'Conv', ['x', 'w'], { auto_pad: 'SAME_LOWER', strides: [2, 2] }, { ...PICTURE, weights: { w: [3, 2, 2, 2] } }),
  one(7, 'ConvTranspose', ['x', 'w'], { auto_pad: 'SAME_UPPER', strides: [2, 2] }, { ...PICTURE, weights: { w: [2, 3, 3, 3] } }),
  one(7, 'Gemm', ['x', 'w', 'b'], { alpha: { float: 0.5 } }, { feeds: { x: [2, 3] }, weights: { w: [3, 4], b: [4] } }),
  one(7, 'ArgMax', ['x'], { axis: 1 }),
  one(7, 'Cast', ['x'], { to: 7 }),
  one(7, 'Flatten', ['x'], { axis: 2 }),
  one(7, 'Sum', ['x', 'x']),
  one(8, 'Max', ['x', 'x']),
  one(7, 'Pow', ['x', 'w'], {}, { weights: { w: floats([2]) } }),
  one(7, 'PRelu', ['x', 'w'], {}, { weights: { w: [4] } }),
  one(7, 'Gather', ['x', 'at'], { axis: 1 }, { weights: { at: [2n, 0n] } }),
  one(7, 'Reshape', ['x', 'shape'], {}, { weights: { shape: [0n, -1n] } }),
  one(7, 'Shape', ['x']),
  one(7, 'Transpose', ['x']),
  one(7, 'DepthToSpace', ['x'], { blocksize: 2 }, { feeds: { x: [1, 8, 2, 2] } }),
  one(10, 'Mod', ['x', 'w'], { fmod: 1 }, { weights: { w: [4] } }),
  one(11, 'CumSum', ['x', 'axis'], {}, { weights: { axis: integers([1n], []) } }),
  one(10, 'QuantizeLinear', ['x', 'scale', 'zero'], {}, { weights: { scale: floats([0.01], []), zero: bytes([128]) } }),
  one(10, 'DequantizeLinear', ['codes', 'scale'], {}, { weights: { codes: bytes([3, 128, 255], [3]), scale: floats([0.01], []) } }),
  one(
    13,
    'DequantizeLinear',
    ['codes', 'scale'],
    { axis: 0 },
    { weights: { codes: bytes([3, 128, 255], [3]), scale: floats([1, 2, 3], [3]) } },
  ),
  one(
    7,
    'If',
    ['which'],
    {},
    {
      weights: { which: bytes([1], [], 'bool') },
      graphs: {
        then_branch: graphOf({ nodes: [makeNode('Softmax', ['x'], ['normal'])], outputs: [{ name: 'normal' }], opset: 7 }),
        else_branch: graphOf({
          nodes: [makeNode('Clip', ['x'], ['clipped'], { min: { float: 0 } })],
          outputs: [{ name: 'clipped' }],
          opset: 7,
        }),
      },
    },
  ),
];

/** Runtimes do not know `spatial = 0` any more, so what it means is written out. */
export const PER_FEATURE = one(
  7,
  'BatchNormalization',
  ['x', 'scale', 'bias', 'mean', 'variance'],
  { spatial: 0, epsilon: { float: 0.5 } },
  {
    feeds: { x: [2, 2, 3, 3] },
    weights: {
      ...FEATURES,
      variance: floats(
        Array.from({ length: 18 }, (_, i) => i / 9),
        [2, 3, 3],
      ),
    },
  },
);

function floats(values: readonly number[], shape: readonly number[] = [values.length]) {
  return constant('f32', shape, new Uint8Array(Float32Array.from(values).buffer));
}

function integers(values: readonly bigint[], shape: readonly number[]) {
  return constant('i64', shape, new Uint8Array(BigInt64Array.from(values).buffer));
}

function bytes(values: readonly number[], shape: readonly number[] = [], dtype: 'u8' | 'bool' = 'u8') {
  return constant(dtype, shape, Uint8Array.from(values));
}

function constant(dtype: 'f32' | 'i64' | 'u8' | 'bool', shape: readonly number[], data: Uint8Array): (id: string) => Weight {
  const load = async () => ({ kind: 'dense' as const, dtype, shape, bytes: data });
  return (id: string) => ({ id, shape, dtype, layout: { kind: 'dense' as const, dtype }, load });
}
