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
    quantizeBlocks(values, type, search = 'reference') {
      if (WITHOUT_TWIN.includes(type)) return GGML_QUANTIZERS[type](values, search);
      const block = BLOCK_TYPES[type];
      const blocks = values.length / block.values;
      const output = new Uint8Array(unwritten(blocks * block.bytes));
      const input = bytesOf(values);
      const most = Math.min(blocks, TILE_ELEMENTS / block.values);
      instances.use([most * block.values * 4, most * block.bytes], ({ call, bytes }, from, to) => {
        for (let first = 0; first < blocks; first += most) {
          const count = Math.min(most, blocks - first);
          bytes.set(input.subarray(first * block.values * 4, (first + count) * block.values * 4), from);
          call(`quantize${type}`, from, count, to, search === 'best' ? 1 : 0);
          output.set(bytes.subarray(to, to + count * block.bytes), first * block.bytes);
        }
      });
      return output;
    },
  };
}
