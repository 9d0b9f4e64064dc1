import type { CodingLoops } from './coding.ts';
import { type Counts, spanOf } from './frequencies.ts';

/** The classes of rows and columns, and what is counted for each pair of them. */
export interface Grid {
  readonly rows: Uint8Array;
  readonly columns: Uint8Array;
  readonly rowClasses: number;
  readonly columnClasses: number;
  /** Of class row * columnClasses + column. */
  readonly counts: readonly Counts[];
  /** About what coding takes, tables and classes included. */
  readonly bytes: number;
}

const MOST_TABLES = 16;
/** Longer lists of rows are not worth what their classes take. */
const MOST_LINES = 8192;
/** Shorter rows do not pay for their class. */
const SHORTEST_ROW = 32;
/** Lines that are compared one by one; more are first put together with those of about the same mean. */
const MOST_COMPARED = 288;
const ROUNDS = 3;
const MOST_GROUPS = 8;

/**
 * Chooses classes of rows and columns so that one table for each pair codes the symbols in the fewest bytes: lines are sorted into a few groups of alike
 * distributions, and groups are merged while that saves bytes.
 */
export function chooseGrid(loops: CodingLoops, symbols: Uint8Array, columns: number, all: Counts): Grid {
  const rows = Math.ceil(symbols.length / columns);
  const byRow = groupsFor(symbols.length, rows, columns);
  const byColumn = groupsFor(symbols.length, columns, rows);
  const spread = { ...spanOf(all), all };
  const rowGroups = byRow < 2 ? new Uint8Array(rows) : groupAxis(loops, symbols, columns, 'row', byRow, spread);
  const columnGroups = byColumn < 2 ? new Uint8Array(columns) : groupAxis(loops, symbols, columns, 'column', byColumn, spread);
  const counts = countPairs(symbols, columns, rowGroups, columnGroups, byRow, byColumn);
  return merge(counts, rowGroups, columnGroups, byRow, byColumn);
}

/** The same for symbols by what the plane above has in their place: its 256 symbols are the rows of a single column. */
export function chooseByPlane(loops: CodingLoops, symbols: Uint8Array, above: Uint8Array, all: Counts): Grid {
  const spread = { ...spanOf(all), all };
  const lines = new Uint32Array(65536);
  for (let i = 0; i < symbols.length; i++) lines[(above[i]! << 8) | symbols[i]!]!++;
  const by = groupsOf(symbols.length);
  const shifted = new Float32Array(256 * spread.span);
  for (let line = 0; line < 256; line++)
    for (let k = 0; k < spread.span; k++) shifted[line * spread.span + k] = lines[(line << 8) | ((spread.first + k) & 255)]!;
  const groups = groupLines(loops, shifted, 256, by, spread);
  const counts = Array.from({ length: by }, () => new Uint32Array(256));
  for (let line = 0; line < 256; line++) {
    const into = counts[groups[line]!]!;
    for (let s = 0; s < 256; s++) into[s]! += lines[(line << 8) | s]!;
  }
  return merge(counts, groups, new Uint8Array(1), by, 1);
}

function groupsFor(symbols: number, lines: number, length: number): number {
  return lines < 4 || lines > MOST_LINES || length < SHORTEST_ROW ? 1 : Math.min(lines, groupsOf(symbols));
}

function groupsOf(symbols: number): number {
  if (symbols >= 262144) return 8;
  if (symbols >= 65536) return 6;
  if (symbols >= 16384) return 4;
  return symbols >= 4096 ? 2 : 1; // never more than MOST_GROUPS
}

export function countAll(symbols: Uint8Array): Counts {
  const counts = new Uint32Array(256);
  for (let i = 0; i < symbols.length; i++) counts[symbols[i]!]!++;
  return counts;
}

/** What was counted of the whole, and where its symbols are. */
interface Spread {
  readonly first: number;
  readonly span: number;
  readonly all: Counts;
}

type Axis = 'row' | 'column';

/** Groups of rows or columns. Many are bundled first with those of about the same mean, so that fewer are compared. */
function groupAxis(loops: CodingLoops, symbols: Uint8Array, columns: number, axis: Axis, groups: number, spread: Spread): Uint8Array {
  const { first, span } = spread;
  const count = axis === 'row' ? Math.ceil(symbols.length / columns) : columns;
  const bundles = Math.min(count, MOST_COMPARED);
  const bundleOf =
    count > bundles
      ? bundlesOf(momentsOf(symbols, columns, axis, count, first), bundles)
      : Uint16Array.from({ length: count }, (_, i) => i);
  const lines = new Float32Array(bundles * span);
  for (let i = 0, row = 0; i < symbols.length; row++) {
    const end = Math.min(symbols.length, i + columns);
    if (axis === 'row') for (const base = bundleOf[row]! * span; i < end; i++) lines[base + ((symbols[i]! - first) & 255)]!++;
    else for (let column = 0; i < end; i++, column++) lines[bundleOf[column]! * span + ((symbols[i]! - first) & 255)]!++;
  }
  const grouped = groupLines(loops, lines, bundles, groups, spread);
  return Uint8Array.from(bundleOf, (bundle) => grouped[bundle]!);
}

interface Moments {
  readonly means: Float64Array;
  /** Means of squares. */
  readonly squares: Float64Array;
}

function momentsOf(symbols: Uint8Array, columns: number, axis: Axis, count: number, first: number): Moments {
  const [sums, squares] = [new Float64Array(count), new Float64Array(count)];
  for (let i = 0, row = 0; i < symbols.length; row++) {
    const end = Math.min(symbols.length, i + columns);
    for (let column = 0; i < end; i++, column++) {
      const value = (symbols[i]! - first) & 255;
      const line = axis === 'row' ? row : column;
      sums[line]! += value;
      squares[line]! += value * value;
    }
  }
  const length = symbols.length / count;
  return { means: sums.map((sum) => sum / length), squares: squares.map((sum) => sum / length) };
}

function bundlesOf(moments: Moments, bundles: number): Uint16Array {
  const bundleOf = new Uint16Array(moments.means.length);
  orderOf(moments).forEach((line, place) => {
    bundleOf[line] = Math.floor((place * bundles) / bundleOf.length);
  });
  return bundleOf;
}

function countPairs(
  symbols: Uint8Array,
  columns: number,
  rowGroups: Uint8Array,
  columnGroups: Uint8Array,
  byRow: number,
  byColumn: number,
): Counts[] {
  const counts = new Uint32Array(byRow * byColumn * 256);
  for (let i = 0, row = 0; i < symbols.length; row++) {
    const base = rowGroups[row]! * byColumn;
    const end = Math.min(symbols.length, i + columns);
    for (let column = 0; i < end; i++, column++) counts[((base + columnGroups[column]!) << 8) | symbols[i]!]!++;
  }
  return Array.from({ length: byRow * byColumn }, (_, k) => counts.subarray(k * 256, (k + 1) * 256));
}

/**
 * Sorts lines, each with the counts of `span` symbols, into groups by k-means with the Kullback-Leibler divergence. It begins with equal parts of the lines in
 * order of their mean or, where means hardly differ, of their deviation.
 */
function groupLines(
  { nearestGroups }: CodingLoops,
  lines: Float32Array,
  count: number,
  groups: number,
  { first, span, all }: Spread,
): Uint8Array {
  let assigned = new Uint8Array(count);
  momentsOrder(lines, count, span).forEach((line, place) => {
    assigned[line] = Math.floor((place * groups) / count);
  });
  const total = all.reduce((sum, value) => sum + value, 0);
  // a little of the whole is added to each group, so that nothing is impossible
  const little = Float64Array.from({ length: span }, (_, k) => (8 * (all[(first + k) & 255]! + 0.1)) / total);
  const sums = new Float64Array(groups * span);
  const costs = new Float32Array(span * MOST_GROUPS).fill(Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    sums.fill(0);
    for (let line = 0, at = 0; line < count; line++) {
      for (let k = assigned[line]! * span, end = k + span; k < end; k++) sums[k]! += lines[at++]!;
    }
    for (let group = 0; group < groups; group++) {
      const own = sums.subarray(group * span, (group + 1) * span);
      const sum = own.reduce((a, b) => a + b, 8);
      for (let k = 0; k < span; k++) costs[k * MOST_GROUPS + group] = -Math.log2((own[k]! + little[k]!) / sum);
    }
    assigned = nearestGroups(lines, span, costs) as Uint8Array<ArrayBuffer>;
  }
  return assigned;
}

function momentsOrder(lines: Float32Array, count: number, span: number): number[] {
  const means = new Float64Array(count);
  const squares = new Float64Array(count);
  for (let line = 0, at = 0; line < count; line++) {
    let [total, sum, square] = [0, 0, 0];
    for (let k = 0; k < span; k++) {
      const n = lines[at++]!;
      total += n;
      sum += n * k;
      square += n * k * k;
    }
    if (total === 0) continue;
    means[line] = sum / total;
    squares[line] = square / total;
  }
  return orderOf({ means, squares });
}

/** Lines in order of their mean where means differ, otherwise of their deviation. */
function orderOf({ means, squares }: Moments): number[] {
  const deviations = squares.map((square, i) => Math.sqrt(Math.max(0, square - means[i]! ** 2)));
  const average = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const middle = average(means);
  const between = Math.sqrt(average(means.map((mean) => (mean - middle) ** 2)));
  const key = between > average(deviations) / 4 ? means : deviations;
  return Array.from(means.keys()).sort((a, b) => key[a]! - key[b]! || a - b);
}

/** Merges the two groups of rows or of columns that save most, until no merge saves and the tables are few enough. */
function merge(counts: readonly Counts[], rows: Uint8Array, columns: Uint8Array, byRow: number, byColumn: number): Grid {
  let cells = Array.from({ length: byRow }, (_, r) => counts.slice(r * byColumn, (r + 1) * byColumn).map(cellOf));
  const rowOf = Array.from({ length: byRow }, (_, i) => i);
  const columnOf = Array.from({ length: byColumn }, (_, i) => i);
  const perRow = rows.length / 4;
  const perColumn = columns.length / 4;
  for (;;) {
    const [height, width] = [cells.length, cells[0]?.length ?? 0];
    let best = { saved: Number.NEGATIVE_INFINITY, axis: 'rows', a: 0, b: 0 };
    for (let a = 0; a < height; a++)
      for (let b = a + 1; b < height; b++) {
        let saved = perRow / height;
        for (let c = 0; c < width; c++) saved += savedBy(cells[a]![c]!, cells[b]![c]!);
        if (saved > best.saved) best = { saved, axis: 'rows', a, b };
      }
    for (let a = 0; a < width; a++)
      for (let b = a + 1; b < width; b++) {
        let saved = perColumn / width;
        for (let r = 0; r < height; r++) saved += savedBy(cells[r]![a]!, cells[r]![b]!);
        if (saved > best.saved) best = { saved, axis: 'columns', a, b };
      }
    if (height * width === 1 || (best.saved <= 0 && height * width <= MOST_TABLES)) break;
    const { axis, a, b } = best;
    if (axis === 'rows') {
      cells[a] = cells[a]!.map((cell, c) => cellOf(sumOf(cell, cells[b]![c]!)));
      cells.splice(b, 1);
      rename(rowOf, a, b);
    } else {
      cells = cells.map((row) => row.flatMap((cell, c) => (c === b ? [] : [c === a ? cellOf(sumOf(cell, row[b]!)) : cell])));
      rename(columnOf, a, b);
    }
  }
  const [rowClasses, columnClasses] = [cells.length, cells[0]!.length];
  const bits = cells.flat().reduce((sum, { bits }) => sum + bits, 0);
  const naming =
    (rowClasses > 1 ? rows.length * Math.log2(rowClasses) : 0) + (columnClasses > 1 ? columns.length * Math.log2(columnClasses) : 0);
  return {
    rows: rows.map((group) => rowOf[group]!),
    columns: columns.map((group) => columnOf[group]!),
    rowClasses,
    columnClasses,
    counts: cells.flat().map(({ counts }) => counts),
    bytes: (bits + naming) / 8 + 70,
  };
}

function rename(names: number[], a: number, b: number): void {
  names.forEach((name, i) => {
    names[i] = name === b ? a : name > b ? name - 1 : name;
  });
}

interface Cell {
  readonly counts: Counts;
  readonly bits: number;
  readonly total: number;
}

function cellOf(counts: Counts): Cell {
  let [total, bits, present] = [0, 0, 0];
  for (let s = 0; s < 256; s++) {
    const n = counts[s]!;
    if (n === 0) continue;
    total += n;
    bits -= weighed(n);
    present++;
  }
  return { counts, total, bits: bits + weighed(total) + tableBits(present) };
}

function savedBy(a: Cell, b: Cell): number {
  if (a.total === 0) return b.total === 0 ? 0 : a.bits;
  if (b.total === 0) return b.bits;
  let [bits, present] = [0, 0];
  for (let s = 0; s < 256; s++) {
    const n = a.counts[s]! + b.counts[s]!;
    if (n === 0) continue;
    bits -= weighed(n);
    present++;
  }
  return a.bits + b.bits - bits - weighed(a.total + b.total) - tableBits(present);
}

/** About what the frequencies of so many symbols take. */
function tableBits(present: number): number {
  return 24 + 6 * present;
}

function sumOf(a: Cell, b: Cell): Counts {
  return a.counts.map((count, s) => count + b.counts[s]!);
}

const KNOWN = 65536;
let known: Float64Array | undefined;

/** n log2 n. */
function weighed(n: number): number {
  known ??= Float64Array.from({ length: KNOWN }, (_, i) => (i < 2 ? 0 : i * Math.log2(i)));
  return n < KNOWN ? known[n]! : n * Math.log2(n);
}
