/**
 * Versions that a signature's mark `+` makes suspicious and that mean the same for every older node: read one by one, what they add is
 * optional and its default is the old behaviour. A marked version that is neither here nor among the adapters stops an upgrade.
 */
export const UNCHANGED: Readonly<Record<string, readonly number[]>> = {
  ArgMax: [12],
  ArgMin: [12],
  Attention: [25],
  AveragePool: [10],
  Cast: [19],
  CastLike: [19, 24],
  Constant: [11, 12],
  DepthToSpace: [11],
  DequantizeLinear: [13, 21, 23],
  GRU: [14],
  GatherND: [12],
  Gemm: [11],
  LSTM: [14],
  LpPool: [18],
  MaxPool: [8, 10],
  OptionalHasElement: [18],
  Pad: [18],
  QuantizeLinear: [13, 19, 21, 23],
  RNN: [14],
  Reshape: [14],
  ScatterElements: [16],
  ScatterND: [16],
  Shape: [15],
  TopK: [11],
};
