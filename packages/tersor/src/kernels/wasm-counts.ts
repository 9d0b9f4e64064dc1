import type { CodingLoops } from './coder/coding.ts';
import { bytesOf, type Instances } from './memory.ts';

const ROUNDS = 3;
const GROUPS = 8;

type Counts = Pick<CodingLoops, 'mapClasses' | 'pairClasses' | 'countPairs' | 'countBelow' | 'lineMoments' | 'countLines' | 'groupLines'>;

export function wasmCounts(instances: Instances): Counts {
  return {
    mapClasses: (symbols, classOf) =>
      instances.use([symbols.length, 256, symbols.length], ({ call, bytes }, from, map, to) => {
        bytes.set(symbols, from);
        bytes.set(classOf, map);
        call('mapClasses', from, map, symbols.length, to);
        return bytes.slice(to, to + symbols.length);
      }),
    pairClasses(first, byFirst, second, bySecond, groups) {
      const count = first.length;
      return instances.use([count, 256, count, 256, count], ({ call, bytes }, from, map, other, otherMap, to) => {
        bytes.set(first, from);
        bytes.set(byFirst, map);
        bytes.set(second, other);
        bytes.set(bySecond, otherMap);
        call('pairClasses', from, map, other, otherMap, groups, count, to);
        return bytes.slice(to, to + count);
      });
    },
    countPairs(symbols, { columns, rows, ofColumns, columnGroups, pairs }) {
      const size = pairs * 1024;
      return instances.use([symbols.length, rows.length, ofColumns.length, size * 2], ({ call, bytes }, from, rowsAt, columnsAt, to) => {
        bytes.set(symbols, from);
        bytes.set(rows, rowsAt);
        bytes.set(ofColumns, columnsAt);
        bytes.fill(0, to, to + size * 2);
        call('countPairs', from, symbols.length, columns, rowsAt, columnsAt, columnGroups, pairs, to);
        return new Uint32Array(bytes.slice(to, to + size).buffer);
      });
    },
    countBelow: (symbols, above) =>
      instances.use([symbols.length, symbols.length, 65536 * 4], ({ call, bytes }, from, aboveAt, to) => {
        bytes.set(symbols, from);
        bytes.set(above, aboveAt);
        bytes.fill(0, to, to + 65536 * 4);
        call('countBelow', from, aboveAt, symbols.length, to);
        return new Uint32Array(bytes.slice(to, to + 65536 * 4).buffer);
      }),
    lineMoments(symbols, columns, axis, first) {
      const size = (axis === 'row' ? Math.ceil(symbols.length / columns) : columns) * 8;
      return instances.use([symbols.length, size, size], ({ call, bytes }, from, sums, squares) => {
        bytes.set(symbols, from);
        bytes.fill(0, sums, sums + size).fill(0, squares, squares + size);
        call('lineMoments', from, symbols.length, columns, axis === 'row' ? 1 : 0, first, sums, squares);
        const doubles = (at: number) => new Float64Array(bytes.slice(at, at + size).buffer);
        return { sums: doubles(sums), squares: doubles(squares) };
      });
    },
    countLines(symbols, { columns, axis, bundleOf, bundles, first, span }) {
      const size = bundles * span * 4;
      return instances.use([symbols.length, bundleOf.byteLength, size], ({ call, bytes }, from, names, to) => {
        bytes.set(symbols, from);
        bytes.set(bytesOf(bundleOf), names);
        bytes.fill(0, to, to + size);
        call('countLines', from, symbols.length, columns, axis === 'row' ? 1 : 0, first, span, names, to);
        return new Float32Array(bytes.slice(to, to + size).buffer);
      });
    },
    groupLines({ lines, span, groups, assigned, little }) {
      const count = assigned.length;
      const sizes = [lines.byteLength, little.byteLength, span * GROUPS * 4, count];
      return instances.use(sizes, ({ call, bytes }, from, littleAt, costs, to) => {
        bytes.set(bytesOf(lines), from);
        bytes.set(bytesOf(little), littleAt);
        bytes.set(assigned, to);
        call('groupLines', from, count, span, groups, ROUNDS, littleAt, costs, to);
        return bytes.slice(to, to + count);
      });
    },
  };
}
