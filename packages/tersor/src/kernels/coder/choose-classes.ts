import type { Axis, CodingLoops, Moments } from './coding.ts';
import { type Counts, spanOf } from './frequencies.ts';
import { type Grid, mergeGroups } from './merge-groups.ts';

/** Longer lists of rows are not worth what their classes take. A power of two. */
const MOST_LINES = 8192;
/** Shorter rows do not pay for their class. */
const SHORTEST_ROW = 32;
/** Lines that are compared one by one; more are first put together with those of about the same mean. */
const MOST_COMPARED = 288;

/**
 * Chooses classes of rows and columns so that one table for each pair codes the symbols in the fewest bytes: lines are sorted into a few groups of alike
 * distributions, and groups are merged while that saves bytes.
 */
export function chooseGrid(loops: CodingLoops, symbols: Uint8Array, columns: number, all: Counts): Grid {
  const count = Math.ceil(symbols.length / columns);
  const byRow = groupsFor(symbols.length, count, columns);
  const byColumn = groupsFor(symbols.length, columns, count);
  const spread = { ...spanOf(all), all };
  const rows = byRow < 2 ? new Uint8Array(count) : groupAxis(loops, symbols, columns, 'row', byRow, spread);
  const ofColumns = byColumn < 2 ? new Uint8Array(columns) : groupAxis(loops, symbols, columns, 'column', byColumn, spread);
  const pairs = byRow * byColumn;
  const counts = loops.countPairs(symbols, { columns, rows, ofColumns, columnGroups: byColumn, pairs });
  return mergeGroups(linesOf(counts), { rows, columns: ofColumns, rowClasses: byRow, columnClasses: byColumn }, spread);
}

/** The same for symbols by what the plane above has in their place: its 256 symbols are the rows of a single column. */
export function chooseByPlane({ groups, rows, counts }: GroupedBytes, all: Counts): Grid {
  const classes = { rows, columns: new Uint8Array(1), rowClasses: groups, columnClasses: 1 };
  return mergeGroups(counts, classes, spanOf(all));
}

/** Bytes that stand in the place of symbols, in groups of those that have alike symbols. */
export interface GroupedBytes {
  readonly groups: number;
  /** The group of each of 256 bytes. */
  readonly rows: Uint8Array;
  /** What is counted of the symbols, by group. */
  readonly counts: readonly Counts[];
}

export function groupBytes(loops: CodingLoops, symbols: Uint8Array, bytes: Uint8Array, all: Counts, most = 8): GroupedBytes {
  const groups = Math.min(most, groupsOf(symbols.length));
  const { first, span } = spanOf(all);
  const below = loops.countBelow(symbols, bytes);
  // what never stands there needs no group
  const present = bytesIn(loops, bytes);
  const lines = new Float32Array(present.length * span);
  let to = 0;
  for (const line of present) for (let k = 0; k < span; k++) lines[to++] = below[line * 256 + ((first + k) & 255)]!;
  const grouped = group(loops, lines, groups, { first, span, all });
  const rows = new Uint8Array(256);
  const counts = Array.from({ length: groups }, () => new Uint32Array(256));
  for (const [i, line] of present.entries()) {
    rows[line] = grouped[i]!;
    const into = counts[grouped[i]!]!;
    for (let k = 0; k < span; k++) into[(first + k) & 255]! += lines[i * span + k]!;
  }
  return { groups, rows, counts };
}

function bytesIn(loops: CodingLoops, bytes: Uint8Array): number[] {
  const counts = countAll(loops, bytes);
  return Array.from(counts.keys()).filter((byte) => counts[byte]! > 0);
}

/** The same by the plane above and by what is known besides together: the rows of the grid are the bytes beside, its columns those above. */
export function chooseByPair(
  loops: CodingLoops,
  symbols: Uint8Array,
  [beside, byBeside]: readonly [Uint8Array, GroupedBytes],
  [above, byAbove]: readonly [Uint8Array, GroupedBytes],
  all: Counts,
): Grid {
  const pairs = loops.pairClasses(beside, byBeside.rows, above, byAbove.rows, byAbove.groups);
  const counts = linesOf(loops.countBelow(symbols, pairs)).slice(0, byBeside.groups * byAbove.groups);
  const classes = { rows: byBeside.rows, columns: byAbove.rows, rowClasses: byBeside.groups, columnClasses: byAbove.groups };
  return mergeGroups(counts, classes, spanOf(all));
}

function groupsFor(symbols: number, lines: number, length: number): number {
  return lines < 4 || lines >= MOST_LINES || length < SHORTEST_ROW ? 1 : Math.min(lines, groupsOf(symbols));
}

/** More symbols bear more tables; the loops know 8 groups. */
function groupsOf(symbols: number): number {
  if (symbols >= 262144) return 8;
  if (symbols >= 65536) return 6;
  if (symbols >= 16384) return 4;
  return symbols >= 4096 ? 2 : 1;
}

export function countAll(loops: CodingLoops, symbols: Uint8Array): Counts {
  const columns = 4096;
  const rows = new Uint8Array(Math.ceil(symbols.length / columns));
  return loops.countPairs(symbols, { columns, rows, ofColumns: new Uint8Array(columns), columnGroups: 1, pairs: 1 });
}

function linesOf(counts: Uint32Array): Counts[] {
  return Array.from({ length: counts.length / 256 }, (_, k) => counts.subarray(k * 256, (k + 1) * 256));
}

/** What was counted of the whole, and where its symbols are. */
interface Spread {
  readonly first: number;
  readonly span: number;
  readonly all: Counts;
}

/** Groups of rows or columns. Many are bundled first with those of about the same mean, so that fewer are compared. */
function groupAxis(loops: CodingLoops, symbols: Uint8Array, columns: number, axis: Axis, groups: number, spread: Spread): Uint8Array {
  const { first, span } = spread;
  const count = axis === 'row' ? Math.ceil(symbols.length / columns) : columns;
  const bundles = Math.min(count, MOST_COMPARED);
  const order = count > bundles ? orderOf(loops.lineMoments(symbols, columns, axis, first), symbols.length / count) : undefined;
  const bundleOf = new Uint16Array(count);
  for (let place = 0; place < count; place++) bundleOf[order?.[place] ?? place] = Math.floor((place * bundles) / count);
  const lines = loops.countLines(symbols, { columns, axis, bundleOf, bundles, first, span });
  const grouped = group(loops, lines, groups, spread, order !== undefined);
  return Uint8Array.from(bundleOf, (bundle) => grouped[bundle]!);
}

/** Begins with equal parts of the lines in order of their mean or, where means hardly differ, of their deviation. */
function group(loops: CodingLoops, lines: Float32Array, groups: number, { first, span, all }: Spread, isOrdered = false): Uint8Array {
  const count = lines.length / span;
  const assigned = new Uint8Array(count);
  const order = isOrdered ? undefined : orderOf(momentsOf(lines, count, span), 1);
  for (let place = 0; place < count; place++) assigned[order?.[place] ?? place] = Math.floor((place * groups) / count);
  const total = all.reduce((sum, value) => sum + value, 0);
  const little = Float32Array.from({ length: span }, (_, k) => (8 * (all[(first + k) & 255]! + 0.1)) / total);
  return loops.groupLines({ lines, span, groups, assigned, little });
}

function momentsOf(lines: Float32Array, count: number, span: number): Moments {
  const [sums, squares] = [new Float64Array(count), new Float64Array(count)];
  for (let line = 0, at = 0; line < count; line++) {
    let [total, sum, square] = [0, 0, 0];
    for (let k = 0; k < span; k++) {
      const n = lines[at++]!;
      total += n;
      sum += n * k;
      square += n * k * k;
    }
    sums[line] = sum / Math.max(1, total);
    squares[line] = square / Math.max(1, total);
  }
  return { sums, squares };
}

/** Lines, of `length` symbols each, in order of their mean where means differ, otherwise of their deviation. */
function orderOf({ sums, squares }: Moments, length: number): Uint16Array {
  const count = sums.length;
  const [means, deviations] = [new Float64Array(count), new Float64Array(count)];
  let [middle, within, between] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const mean = sums[i]! / length;
    means[i] = mean;
    deviations[i] = Math.sqrt(Math.max(0, squares[i]! / length - mean * mean));
    middle += mean / count;
    within += deviations[i]! / count;
  }
  for (const mean of means) between += (mean - middle) ** 2 / count;
  const key = Math.sqrt(between) > within / 4 ? means : deviations;
  // numbers are sorted much quicker than by a comparison of ours: key and line in one
  const packed = key.map((value, i) => Math.floor(value * 2 ** 24) * MOST_LINES + i).sort();
  return Uint16Array.from(packed, (value) => value % MOST_LINES);
}
