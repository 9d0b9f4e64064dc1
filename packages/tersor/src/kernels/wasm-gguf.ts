import { GGUF_BLOCKS, type Loops } from './loops.ts';
import { bytesOf, type Instances } from './memory.ts';
import { TILE_ELEMENTS } from './tiles.ts';
import { unwritten } from './unwritten.ts';

/** Twins of reference/q8-0.ts, q4-0.ts and q4-k.ts. */
export function wasmGguf(instances: Instances): Pick<Loops, 'quantizeGguf'> {
  return {
    quantizeGguf(values, type) {
      const block = GGUF_BLOCKS[type];
      const blocks = values.length / block.values;
      const output = new Uint8Array(unwritten(blocks * block.bytes));
      const input = bytesOf(values);
      const most = Math.min(blocks, TILE_ELEMENTS / block.values);
      instances.use([most * block.values * 4, most * block.bytes], ({ call, bytes }, from, to) => {
        for (let first = 0; first < blocks; first += most) {
          const count = Math.min(most, blocks - first);
          bytes.set(input.subarray(first * block.values * 4, (first + count) * block.values * 4), from);
          call(`quantize${type}`, from, count, to);
          output.set(bytes.subarray(to, to + count * block.bytes), first * block.bytes);
        }
      });
      return output;
    },
  };
}
