import type { Operator } from '../value.ts';
import { attention, packedAttention, standardAttention } from './attention.ts';
import { conv, quantizedConv, transposedConv } from './conv.ts';
import { blockMatMul, dynamicMatMul, einsum, matMul } from './linear.ts';
import { control, lookUp, movement, perInput, perOutput, pooling, unknown, variadic, view } from './other.ts';
import { recurrent } from './recurrent.ts';
import type { Count, Work } from './work.ts';

/** Additions and their like are one operation; exponentials, roots and divisions as many as their usual approximations take. */
const TRANSCENDENTAL = 10;

const STANDARD = table({
  'Conv ConvInteger DeformConv': conv,
  QLinearConv: quantizedConv,
  ConvTranspose: transposedConv,
  'MatMul Gemm MatMulInteger QLinearMatMul': matMul,
  Einsum: einsum,
  'LSTM GRU RNN': recurrent,
  Attention: standardAttention,
  'Abs Ceil Clip Floor HardSigmoid HardSwish Hardmax LeakyRelu Neg Not PRelu Relu Round Shrink Sign ThresholdedRelu': perOutput(1),
  'Add And BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Mul Or Sub Where Xor':
    perOutput(1),
  'Max Mean Min Sum': variadic,
  'QuantizeLinear DequantizeLinear BatchNormalization RotaryEmbedding': perOutput(2),
  DynamicQuantizeLinear: perInput(4),
  'Acos Acosh Asin Asinh Atan Atanh Celu Cos Cosh Div Elu Erf Exp Gelu Log Mish Mod Pow Reciprocal Selu Sigmoid Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh':
    perOutput(TRANSCENDENTAL),
  'ArgMax ArgMin CumSum GlobalAveragePool GlobalMaxPool ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum TopK': perInput(1),
  'ReduceL1 ReduceL2 ReduceSumSquare': perInput(2),
  'LogSoftmax ReduceLogSum ReduceLogSumExp Softmax': perInput(TRANSCENDENTAL + 3),
  'GroupNormalization InstanceNormalization LayerNormalization LpNormalization LRN MeanVarianceNormalization': perInput(7),
  'RMSNormalization SimplifiedLayerNormalization': perInput(4),
  'AveragePool LpPool MaxPool': pooling,
  'Resize Upsample': perOutput(4),
  'Cast CastLike': perOutput(1),
  'Gather GatherElements GatherND': lookUp,
  'Concat Compress ConstantOfShape DepthToSpace Expand EyeLike NonZero OneHot Pad Range ReverseSequence': movement,
  'Scatter ScatterElements ScatterND Slice SpaceToDepth Split Tile Transpose Trilu Unique': movement,
  'Dropout Flatten Identity Reshape Shape Size Squeeze Unsqueeze': view,
  'If Loop Scan': control,
});

/** Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md */
const CONTRIB = table({
  'FusedMatMul FusedGemm TransposeMatMul': matMul,
  'DynamicQuantizeMatMul MatMulIntegerToFloat': dynamicMatMul,
  'MatMulNBits MatMulBnb4': blockMatMul,
  FusedConv: conv,
  DynamicQuantizeLSTM: recurrent,
  Attention: packedAttention,
  'MultiHeadAttention GroupQueryAttention': attention,
  'BiasGelu FastGelu Gelu QuickGelu QLinearSigmoid': perOutput(TRANSCENDENTAL),
  'RotaryEmbedding QuantizeLinear DequantizeLinear QLinearAdd QLinearMul QLinearLeakyRelu': perOutput(2),
  SkipLayerNormalization: perInput(8),
  'SkipSimplifiedLayerNormalization SimplifiedLayerNormalization': perInput(5),
  BiasSoftmax: perInput(TRANSCENDENTAL + 4),
  GatherBlockQuantized: lookUp,
});

/** What an operator has to do; `unknown` for operators that nobody has told us about. */
export function workOf(operator: Operator): Work {
  const { domain, op } = operator.node;
  const rules = domain === '' || domain === 'ai.onnx' ? STANDARD : domain === 'com.microsoft' ? CONTRIB : undefined;
  return (rules?.get(op) ?? unknown)(operator);
}

/** @param rows  names separated by blanks */
function table(rows: Readonly<Record<string, Count>>): ReadonlyMap<string, Count> {
  return new Map(Object.entries(rows).flatMap(([names, rule]) => names.split(' ').map((name): [string, Count] => [name, rule])));
}
