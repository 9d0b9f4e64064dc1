import type { Counts } from './frequencies.ts';

/** Classes of rows and columns. */
export interface Classes {
  readonly rows: Uint8Array;
  readonly columns: Uint8Array;
  readonly rowClasses: number;
  readonly columnClasses: number;
}

/** Classes, and what is counted for each pair of a row's and a column's. */
export interface Grid extends Classes {
  /** Of class row * columnClasses + column. */
  readonly counts: readonly Counts[];
  /** About what coding takes, tables and classes included. */
  readonly bytes: number;
}

const MOST_TABLES = 16;
/** About what 16 states and the length of the words take. */
const STATE_BYTES = 70;

/**
 * Merges two classes of rows or of columns, those that save most, until no merge saves and the tables are few enough.
 * @param counts  of class row * columnClasses + column, 256 symbols each
 * @param span  where the symbols are that were counted at all
 */
export function mergeGroups(
  counts: readonly Counts[],
  classes: Classes,
  { first, span }: { readonly first: number; readonly span: number },
): Grid {
  const { rows, columns, rowClasses: byRow, columnClasses: byColumn } = classes;
  const counted = counts.map((all) => {
    const own = new Uint32Array(span);
    for (let k = 0; k < span; k++) own[k] = all[(first + k) & 255]!;
    return cellOf(own);
  });
  let cells = Array.from({ length: byRow }, (_, r) => counted.slice(r * byColumn, (r + 1) * byColumn));
  const rowOf = Array.from({ length: byRow }, (_, i) => i);
  const columnOf = Array.from({ length: byColumn }, (_, i) => i);
  for (;;) {
    const [height, width] = [cells.length, cells[0]?.length ?? 0];
    const byRows = bestPair(cells, rows.length / 4 / height);
    const byColumns = bestPair(transposed(cells), columns.length / 4 / width);
    const best = byColumns.saved > byRows.saved ? byColumns : byRows;
    if (height * width === 1 || (best.saved <= 0 && height * width <= MOST_TABLES)) break;
    if (best === byRows) {
      cells = merged(cells, best);
      rename(rowOf, best);
    } else {
      cells = transposed(merged(transposed(cells), best));
      rename(columnOf, best);
    }
  }
  const [rowClasses, columnClasses] = [cells.length, cells[0]!.length];
  const flat = cells.flat();
  const bits = flat.reduce((sum, cell) => sum + cell.bits, namingBits(rows.length, rowClasses) + namingBits(columns.length, columnClasses));
  return {
    rows: rows.map((group) => rowOf[group]!),
    columns: columns.map((group) => columnOf[group]!),
    rowClasses,
    columnClasses,
    counts: flat.map((cell) => {
      const all = new Uint32Array(256);
      for (let k = 0; k < span; k++) all[(first + k) & 255] = cell.counts[k]!;
      return all;
    }),
    bytes: bits / 8 + STATE_BYTES,
  };
}

/** The grid of a single class. */
export function singleClass(counts: Counts): Grid {
  return {
    rows: new Uint8Array(1),
    columns: new Uint8Array(1),
    rowClasses: 1,
    columnClasses: 1,
    counts: [counts],
    bytes: cellOf(counts).bits / 8 + STATE_BYTES,
  };
}

function namingBits(lines: number, classes: number): number {
  return classes > 1 ? lines * Math.log2(classes) : 0;
}

interface Pair {
  readonly saved: number;
  readonly a: number;
  readonly b: number;
}

/** The two rows of cells that save most as one; `each` is saved by any. */
function bestPair(cells: readonly (readonly Cell[])[], each: number): Pair {
  let best: Pair = { saved: Number.NEGATIVE_INFINITY, a: 0, b: 0 };
  for (let a = 0; a < cells.length; a++) {
    for (let b = a + 1; b < cells.length; b++) {
      let saved = each;
      for (let k = 0; k < cells[a]!.length; k++) saved += savedBy(cells[a]![k]!, cells[b]![k]!);
      if (saved > best.saved) best = { saved, a, b };
    }
  }
  return best;
}

function merged(cells: readonly (readonly Cell[])[], { a, b }: Pair): Cell[][] {
  const sum = cells[a]!.map((cell, k) => cellOf(cell.counts.map((count, s) => count + cells[b]![k]!.counts[s]!)));
  return cells.flatMap((row, i) => (i === b ? [] : [i === a ? sum : [...row]]));
}

function transposed(cells: readonly (readonly Cell[])[]): Cell[][] {
  return cells[0]!.map((_, k) => cells.map((row) => row[k]!));
}

function rename(names: number[], { a, b }: Pair): void {
  names.forEach((name, i) => {
    names[i] = name === b ? a : name > b ? name - 1 : name;
  });
}

interface Cell {
  readonly counts: Counts;
  readonly bits: number;
  readonly total: number;
  /** What merging with another one saves, once it was asked. */
  readonly saved: Map<Cell, number>;
}

function cellOf(counts: Counts): Cell {
  let [total, bits, present] = [0, 0, 0];
  for (let s = 0; s < counts.length; s++) {
    const n = counts[s]!;
    if (n === 0) continue;
    total += n;
    bits -= weighed(n);
    present++;
  }
  return { counts, total, bits: bits + weighed(total) + tableBits(present), saved: new Map() };
}

function savedBy(a: Cell, b: Cell): number {
  const known = a.saved.get(b);
  if (known !== undefined) return known;
  let [bits, present] = [0, 0];
  for (let s = 0; s < a.counts.length; s++) {
    const n = a.counts[s]! + b.counts[s]!;
    if (n === 0) continue;
    bits -= weighed(n);
    present++;
  }
  const saved = a.bits + b.bits - bits - weighed(a.total + b.total) - tableBits(present);
  a.saved.set(b, saved);
  return saved;
}

/** About what the frequencies of so many symbols take. */
function tableBits(present: number): number {
  return present === 0 ? 0 : 24 + 6 * present;
}

const KNOWN = 65536;
let known: Float64Array | undefined;

/** n log2 n. */
function weighed(n: number): number {
  known ??= Float64Array.from({ length: KNOWN }, (_, i) => (i < 2 ? 0 : i * Math.log2(i)));
  return n < KNOWN ? known[n]! : n * Math.log2(n);
}
