/** Operators of ai.onnx that stay in 32-bit floats, and why. What has no half at the model's opset stays by its signature. */
export const KEPT_OPERATORS: Readonly<Record<string, string>> = {
  CumSum: 'sums of many elements; halves stop counting at 2048',
  CumProd: 'products of many elements',
  ReduceSum: 'sums of many elements pass 65504',
  ReduceProd: 'products pass 65504',
  ReduceL1: 'sums of many elements pass 65504',
  ReduceL2: 'squares pass 65504 from 256 on',
  ReduceSumSquare: 'squares pass 65504 from 256 on',
  ReduceLogSum: 'sums of many elements pass 65504',
  ReduceLogSumExp: 'exponentials pass 65504 from 11.1 on',
  LpNormalization: 'squares pass 65504 from 256 on',
  LpPool: 'squares pass 65504 from 256 on',
  GlobalLpPool: 'squares pass 65504 from 256 on',
  LRN: 'squares pass 65504 from 256 on',
  MeanVarianceNormalization: 'squares pass 65504 from 256 on',
  Det: 'products of many elements',
  DFT: 'sums of many elements pass 65504',
  STFT: 'sums of many elements pass 65504',
  Mod: 'a rounded operand gives another remainder',
  OneHot: 'indices beyond 2048 are not exact',
  GridSample: 'coordinates are finer than a half',
  AffineGrid: 'coordinates are finer than a half',
  RoiAlign: 'coordinates are finer than a half',
  MaxRoiPool: 'coordinates are finer than a half',
  DeformConv: 'coordinates are finer than a half',
  RandomNormal: 'another type draws other numbers',
  RandomNormalLike: 'another type draws other numbers',
  RandomUniform: 'another type draws other numbers',
  RandomUniformLike: 'another type draws other numbers',
  Bernoulli: 'another type draws other numbers',
  Multinomial: 'another type draws other numbers',
  QuantizeLinear: 'scales are exact',
  DequantizeLinear: 'scales are exact',
  DynamicQuantizeLinear: 'scales are exact',
  QLinearMatMul: 'scales are exact',
  BlackmanWindow: 'is computed once',
  EyeLike: 'is computed once',
  HannWindow: 'is computed once',
  HammingWindow: 'is computed once',
  MelWeightMatrix: 'is computed once',
  Constant: 'holds something that is not a plain weight',
};

/** Operators that stay in 32-bit floats when their `reduction` puts many elements into one: onnxruntime has it for no halves. */
export const REDUCING = new Set(['ScatterElements', 'ScatterND']);

/** Operators with bodies whose types are decided output by output. */
export const CONTROL = new Set(['If', 'Loop', 'Scan']);

/** Operators whose output holds values of their first input (Concat: of any), so that a value too wide for a half stays too wide. */
export const MOVES = new Set([
  'Identity',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Transpose',
  'Expand',
  'Tile',
  'Slice',
  'Split',
  'Concat',
  'Gather',
  'Trilu',
  'Cast',
  'Neg',
  'Abs',
  'ScatterND',
  'ScatterElements',
]);

/**
 * Operators that want their float input exact when it was computed from integers: positions, sizes and indices are not exact in a half
 * beyond 2048, and an angle that is off by a rounded position is wrong altogether.
 */
export const EXACT_INPUTS = new Set(['Sin', 'Cos', 'Floor', 'Ceil', 'Round', 'Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual']);

/** Operators through which numbers made from integers are followed back. */
export const ARITHMETIC = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Neg',
  'Abs',
  'Pow',
  'Exp',
  'Log',
  'Sqrt',
  'Reciprocal',
  'Min',
  'Max',
  'Clip',
  'Floor',
  'Ceil',
  'Round',
  'MatMul',
  'Einsum',
  'Where',
  'Range',
  'CumSum',
  ...MOVES,
]);
