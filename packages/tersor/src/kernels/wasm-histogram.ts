import { addCounts, BINS, binsPerUnitOf, countInto, edgeOf, hold, reach, type Tally } from '../core/histogram.ts';
import type { Loops } from './loops.ts';
import { bytesOf, type Instances } from './memory.ts';
import { TILE_ELEMENTS } from './tiles.ts';

/** Adding up tables takes longer than counting fewer elements. */
const FEW = 2048;
const TABLES = 4;
/** Scales beyond it are no floats of 32 bits, or their products are none. */
const MOST_BINS_A_UNIT = 2 ** 100;

/** Twin of core/histogram.ts. */
export function wasmHistogram(instances: Instances): Pick<Loops, 'countInto'> {
  return {
    countInto(tally, values) {
      const even = values.length < FEW ? 0 : values.length - (values.length % 4);
      if (even > 0) countTiles(instances, tally, values.subarray(0, even));
      countInto(tally, values.subarray(even));
    },
  };
}

function countTiles(instances: Instances, tally: Tally, values: Float32Array): void {
  const input = bytesOf(values);
  const tile = Math.min(TILE_ELEMENTS, values.length);
  instances.use([tile * 4, TABLES * BINS * 4, 32], ({ call, bytes }, from, at, state) => {
    const tables = new Int32Array(bytes.buffer, at, TABLES * BINS).fill(0);
    const extremes = new Float32Array(bytes.buffer, state, 8);
    const empty = () => {
      for (let table = 0; table < TABLES; table++) addCounts(tally, tables.subarray(table * BINS, (table + 1) * BINS));
      tables.fill(0);
    };
    for (let start = 0; start < values.length; start += tile) {
      const count = Math.min(tile, values.length - start);
      bytes.set(input.subarray(start * 4, (start + count) * 4), from);
      const most = Number(call('survey', from, count, state));
      if (most >= edgeOf(tally) && most < Number.POSITIVE_INFINITY) {
        empty();
        reach(tally, most);
      }
      const binsPerUnit = most === 0 ? 0 : binsPerUnitOf(tally);
      if (!(most < Number.POSITIVE_INFINITY) || binsPerUnit > MOST_BINS_A_UNIT) {
        empty();
        countInto(tally, values.subarray(start, start + count));
        continue;
      }
      hold(tally, Math.min(...extremes.subarray(0, 4)), Math.max(...extremes.subarray(4)));
      call('countBins', from, count, at, binsPerUnit);
    }
    empty();
  });
}
