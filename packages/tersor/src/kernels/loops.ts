import type { BlockSpec, Kernels, QuantizedBlocks, QuantizeSpec, Summary } from '../core/kernels.ts';

/** `Kernels` without the workers: the same loops, run where they are called. The readable reference and the WASM twin both have this shape. */
export interface Loops {
  quantize(values: Float32Array, spec: QuantizeSpec): QuantizedBlocks;
  dequantize(blocks: QuantizedBlocks, spec: BlockSpec): Float32Array;
  toHalf(values: Float32Array): Uint16Array;
  fromHalf(bits: Uint16Array): Float32Array;
  toBfloat16(values: Float32Array): Uint16Array;
  fromBfloat16(bits: Uint16Array): Float32Array;
  pack(codes: Uint8Array, bits: 2 | 4): Uint8Array;
  unpack(bytes: Uint8Array, bits: 2 | 4, count: number): Uint8Array;
  summarize(values: Float32Array): Summary;
}

/** What a `Kernels` promises beyond `Loops`. */
export type Transpose = <T extends Float32Array | Uint8Array>(values: T, rows: number, columns: number) => T;

/** Fails to compile when a method of `Kernels` has neither a loop nor a place in the pool. */
export type Covered = Exclude<keyof Kernels, keyof Loops | 'transpose' | 'close'> extends never ? true : never;
