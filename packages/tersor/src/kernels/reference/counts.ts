import type { Axis, Bundles, Moments, PairGroups } from '../coder/coding.ts';

/** How often each of 256 symbols occurs in each pair of a row's and a column's group: [pairs, 256]. */
export function countPairs(symbols: Uint8Array, { columns, rows, ofColumns, columnGroups, pairs }: PairGroups): Uint32Array {
  const counts = new Uint32Array(pairs * 256);
  symbols.forEach((symbol, i) => {
    const pair = rows[Math.floor(i / columns)]! * columnGroups + ofColumns[i % columns]!;
    counts[pair * 256 + symbol]!++;
  });
  return counts;
}

/** How often each symbol occurs below each value of the plane above: [256, 256]. */
export function countBelow(symbols: Uint8Array, above: Uint8Array): Uint32Array {
  const counts = new Uint32Array(65536);
  symbols.forEach((symbol, i) => {
    counts[above[i]! * 256 + symbol]!++;
  });
  return counts;
}

/** Of each row or column, the sum of its symbols, counted from `first`, and of their squares. */
export function lineMoments(symbols: Uint8Array, columns: number, axis: Axis, first: number): Moments {
  const lines = axis === 'row' ? Math.ceil(symbols.length / columns) : columns;
  const [sums, squares] = [new Float64Array(lines), new Float64Array(lines)];
  symbols.forEach((symbol, i) => {
    const line = axis === 'row' ? Math.floor(i / columns) : i % columns;
    const value = (symbol - first) & 255;
    sums[line]! += value;
    squares[line]! += value * value;
  });
  return { sums, squares };
}

/** How often each of `span` symbols from `first` on occurs in each bundle of rows or columns: [bundles, span]. */
export function countLines(symbols: Uint8Array, { columns, axis, bundleOf, bundles, first, span }: Bundles): Float32Array {
  const counts = new Float32Array(bundles * span);
  symbols.forEach((symbol, i) => {
    const line = axis === 'row' ? Math.floor(i / columns) : i % columns;
    counts[bundleOf[line]! * span + ((symbol - first) & 255)]!++;
  });
  return counts;
}

/** The class of each byte. */
export function mapClasses(bytes: Uint8Array, classOf: Uint8Array): Uint8Array {
  return bytes.map((byte) => classOf[byte]!);
}

/** The class of each two bytes: that of the first, times `groups`, plus that of the second. */
export function pairClasses(first: Uint8Array, byFirst: Uint8Array, second: Uint8Array, bySecond: Uint8Array, groups: number): Uint8Array {
  return first.map((byte, i) => byFirst[byte]! * groups + bySecond[second[i]!]!);
}
