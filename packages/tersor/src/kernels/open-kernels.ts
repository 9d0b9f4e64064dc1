import type { Kernels } from '../core/kernels.ts';
import { checkDequantize, checkMatrix, checkPacked, checkQuantize } from './check.ts';
import { transpose } from './transpose.ts';
import { compileKernels, wasmLoops } from './wasm.ts';

/** Opens the kernels. */
export async function openKernels(_options: { readonly threads?: number } = {}): Promise<Kernels> {
  const loops = wasmLoops(await compileKernels());
  return {
    async quantize(values, spec) {
      checkQuantize(values, spec);
      return loops.quantize(values, spec);
    },
    async dequantize(blocks, spec) {
      checkDequantize(blocks, spec);
      return loops.dequantize(blocks, spec);
    },
    toHalf: async (values) => loops.toHalf(values),
    fromHalf: async (bits) => loops.fromHalf(bits),
    toBfloat16: async (values) => loops.toBfloat16(values),
    fromBfloat16: async (bits) => loops.fromBfloat16(bits),
    async transpose(values, rows, columns) {
      checkMatrix(values.length, rows, columns);
      return transpose(values, rows, columns);
    },
    pack: async (codes, bits) => loops.pack(codes, bits),
    async unpack(bytes, bits, count) {
      checkPacked(bytes, bits, count);
      return loops.unpack(bytes, bits, count);
    },
    summarize: async (values) => loops.summarize(values),
    close: async () => {},
  };
}
