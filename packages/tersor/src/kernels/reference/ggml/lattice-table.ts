import { GRIDS, type Grid } from '../../../core/blocks/grids.ts';

/**
 * A table of neighbours, arranged to be searched: halves of an entry are numbered by their levels, and entries lie in runs with the same first half, so that
 * what a first half adds to the error is added once.
 */
export interface LatticeTable {
  /** Values of an entry. */
  readonly width: number;
  readonly levels: Float32Array;
  /** Different halves, whether or not an entry has them. */
  readonly halves: number;
  /** Of each run: its first half, and where it begins; one more says where the last ends. */
  readonly firsts: Uint16Array;
  readonly starts: Uint16Array;
  /** Of each entry, in runs: its second half, and its number in the table. */
  readonly seconds: Uint16Array;
  readonly numbers: Uint16Array;
  /** Root mean square of all values. */
  readonly size: number;
}

const TABLES = new Map<keyof typeof GRIDS, LatticeTable>();

export function latticeTable(name: keyof typeof GRIDS): LatticeTable {
  const table = TABLES.get(name) ?? arrange(GRIDS[name]);
  TABLES.set(name, table);
  return table;
}

function arrange({ width, entries }: Grid): LatticeTable {
  const values = entries();
  const levels = [...new Set(values)].sort((a, b) => a - b);
  const count = values.length / width;
  const half = width / 2;
  const numberOf = (at: number) => {
    let number = 0;
    for (let i = half - 1; i >= 0; i--) number = number * levels.length + levels.indexOf(values[at + i]!);
    return number;
  };
  const sorted = Array.from({ length: count }, (_, number) => ({
    number,
    first: numberOf(number * width),
    second: numberOf(number * width + half),
  })).sort((a, b) => a.first - b.first || a.second - b.second);
  const begins = sorted.flatMap(({ first }, i) => (i === 0 || first !== sorted[i - 1]?.first ? [i] : []));
  return {
    width,
    levels: Float32Array.from(levels),
    halves: levels.length ** half,
    firsts: Uint16Array.from(begins, (i) => sorted[i]!.first),
    starts: Uint16Array.from([...begins, count]),
    seconds: Uint16Array.from(sorted, ({ second }) => second),
    numbers: Uint16Array.from(sorted, ({ number }) => number),
    size: Math.fround(Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)),
  };
}
