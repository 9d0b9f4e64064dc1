import type { Axis, CodingLoops, Moments } from './coding.ts';
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
  return merge(linesOf(counts), rows, ofColumns, byRow, byColumn);
}

/** The same for symbols by what the plane above has in their place: its 256 symbols are the rows of a single column. */
export function chooseByPlane(loops: CodingLoops, symbols: Uint8Array, above: Uint8Array, all: Counts): Grid {
  const groups = groupsOf(symbols.length);
  const { first, span } = spanOf(all);
  const below = loops.countBelow(symbols, above);
  const lines = new Float32Array(256 * span);
  for (let line = 0; line < 256; line++) for (let k = 0; k < span; k++) lines[line * span + k] = below[(line << 8) | ((first + k) & 255)]!;
  const rows = group(loops, lines, groups, { first, span, all });
  const counts = Array.from({ length: groups }, () => new Uint32Array(256));
  for (let line = 0; line < 256; line++) {
    const into = counts[rows[line]!]!;
    for (let s = 0; s < 256; s++) into[s]! += below[(line << 8) | s]!;
  }
  return merge(counts, rows, new Uint8Array(1), groups, 1);
}

function groupsFor(symbols: number, lines: number, length: number): number {
  return lines < 4 || lines > MOST_LINES || length < SHORTEST_ROW ? 1 : Math.min(lines, groupsOf(symbols));
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
function orderOf({ sums, squares }: Moments, length: number): number[] {
  const means = sums.map((sum) => sum / length);
  const deviations = squares.map((square, i) => Math.sqrt(Math.max(0, square / length - means[i]! ** 2)));
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
