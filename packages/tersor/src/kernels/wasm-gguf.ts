import { BLOCK_TYPES, type WritableBlock } from '../core/blocks/block-types.ts';
import type { Loops } from './loops.ts';
import { bytesOf, type Instances } from './memory.ts';
import { GGML_QUANTIZERS } from './reference/ggml/index.ts';
import { TILE_ELEMENTS } from './tiles.ts';
import { unwritten } from './unwritten.ts';

/** Types that hardly anybody writes are not worth a twin. */
const WITHOUT_TWIN: readonly WritableBlock[] = ['MXFP4', 'TQ1_0', 'TQ2_0'];

/** Twins of reference/ggml, or the reference itself. */
export function wasmGguf(instances: Instances): Pick<Loops, 'quantizeBlocks'> {
  return {
    quantizeBlocks(values, type, how = {}) {
      if (WITHOUT_TWIN.includes(type)) return GGML_QUANTIZERS[type](values, how);
      const { search = 'reference', importance } = how;
      const block = BLOCK_TYPES[type];
      const blocks = values.length / block.values;
      const output = new Uint8Array(unwritten(blocks * block.bytes));
      const input = bytesOf(values);
      // with importances a call takes a row, for its weights depend on all of it
      const perCall = importance ? importance.length / block.values : Math.min(blocks, TILE_ELEMENTS / block.values);
      const sizes = [perCall * block.values * 4, perCall * block.bytes, importance ? importance.byteLength : 0];
      instances.use(sizes, ({ call, bytes }, from, to, counts) => {
        if (importance) bytes.set(bytesOf(importance), counts);
        for (let first = 0; first < blocks; first += perCall) {
          const count = Math.min(perCall, blocks - first);
          bytes.set(input.subarray(first * block.values * 4, (first + count) * block.values * 4), from);
          call(`quantize${type}`, from, count, to, search === 'best' ? 1 : 0, importance ? counts : 0);
          output.set(bytes.subarray(to, to + count * block.bytes), first * block.bytes);
        }
      });
      return output;
    },
  };
}
