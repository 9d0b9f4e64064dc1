import { BLOCK_TYPES, type WritableBlock } from '../core/blocks/block-types.ts';
import { checkFinite, checkHeld, clearWorse } from './held.ts';
import type { Loops } from './loops.ts';
import { bytesOf, type Instances } from './memory.ts';
import { latticeTable } from './reference/ggml/lattice-table.ts';
import { LATTICE_TYPES } from './reference/ggml/lattices.ts';
import { TILE_ELEMENTS } from './tiles.ts';
import { unwritten } from './unwritten.ts';
import { tableBytes } from './wasm-lattices.ts';

const TABLES = new Map<WritableBlock, Uint8Array>();

/** The table of a type that has one. */
function tableOf(type: WritableBlock): Uint8Array | undefined {
  const lattice = Object.entries(LATTICE_TYPES).find(([id]) => id === type)?.[1];
  if (!lattice) return undefined;
  const bytes = TABLES.get(type) ?? tableBytes(latticeTable(lattice.grid));
  TABLES.set(type, bytes);
  return bytes;
}

/** Twins of reference/ggml. */
export function wasmGguf(instances: Instances): Pick<Loops, 'quantizeBlocks'> {
  return {
    quantizeBlocks(values, type, how = {}) {
      const { search = 'reference', importance } = how;
      const block = BLOCK_TYPES[type];
      const blocks = values.length / block.values;
      const output = new Uint8Array(unwritten(blocks * block.bytes));
      const input = bytesOf(values);
      // with importances a call takes a row, for its weights depend on all of it
      const perCall = importance ? importance.length / block.values : Math.min(blocks, TILE_ELEMENTS / block.values);
      const table = tableOf(type);
      const sizes = [perCall * block.values * 4, perCall * block.bytes, importance ? importance.byteLength : 0, table?.length ?? 0];
      instances.use(sizes, ({ call, bytes }, from, to, counts, tableAt) => {
        if (importance) bytes.set(bytesOf(importance), counts);
        if (table) bytes.set(table, tableAt);
        for (let first = 0; first < blocks; first += perCall) {
          const count = Math.min(perCall, blocks - first);
          bytes.set(input.subarray(first * block.values * 4, (first + count) * block.values * 4), from);
          const peak = Number(call('peak', from, count * block.values));
          checkFinite(peak);
          call(`quantize${type}`, from, count, to, search === 'best' ? 1 : 0, importance ? counts : 0, tableAt);
          const made = bytes.subarray(to, to + count * block.bytes);
          const rounded = values.subarray(first * block.values, (first + count) * block.values);
          checkHeld(rounded, peak, type, made);
          if (search === 'best') clearWorse(rounded, Number(call('leastPeak', from, count, block.values)), type, made);
          output.set(made, first * block.bytes);
        }
      });
      return output;
    },
  };
}
