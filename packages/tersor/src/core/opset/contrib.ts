/**
 * Types of operators outside ai.onnx that exporters and quantizers write, in the notation of `operators.gen.ts`. What is not listed is
 * carried as it is, between 32-bit floats. Source: onnxruntime's docs/ContribOperators.md.
 */
export const CONTRIB: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'com.microsoft': {
    BiasGelu: 'T,T>T T=h',
    FastGelu: 'T,T>T T=hb',
    FusedMatMul: 'T,T>T T=h',
    GatherBlockQuantized: 'B,I,T,B>T T=hb',
    Gelu: 'T>T T=h',
    GroupQueryAttention: 'T,T,T,T,T,i32,i32,T,T,i64,T,T>T,T,T T=hb',
    MatMulNBits: 'T,B,T,Z,i32,T>T T=hb',
    MultiHeadAttention: 'T,T,T,T,M,T,T,T>T,T,T,T T=h',
    QuickGelu: 'T>T T=h',
    RotaryEmbedding: 'T,i64,T,T>T T=hb',
    SkipLayerNormalization: 'T,T,T,T,T>T,f32,f32,T T=h',
    SkipSimplifiedLayerNormalization: 'T,T,T,T>T,f32,f32,T T=h',
    DequantizeLinear: 'Q,T,Q>T T=h',
    QuantizeLinear: 'T,T,Q>Q T=h',
    DynamicQuantizeMatMul: 'f32,Q,f32,Q,f32>f32',
    DynamicQuantizeLSTM: 'f32,Q,Q,f32,i32,f32,f32,f32,f32,Q,f32,Q>f32,f32,f32',
    MatMulIntegerToFloat: 'A,B,f32,f32,A,B,f32>f32',
    MatMulBnb4: 'T,u8,T>T T=h',
  },
};
