import { type ByteWriter, byteWriter } from '../../core/byte-writer.ts';
import { chooseByPlane, chooseGrid, countAll } from './choose-classes.ts';
import type { CodingLoops } from './coding.ts';
import { normalize, writeFrequencies } from './frequencies.ts';
import { type Grid, singleClass } from './merge-groups.ts';

/** What is known of the symbols' neighbourhood. */
export interface Around {
  /** Symbols in a row; 0 when they are no matrix. */
  readonly columns: number;
  /** What the plane above has in their places. */
  readonly above?: Uint8Array;
}

/** Fewer symbols never pay for a table and 16 states. */
const FEWEST = 96;
/** What coding must save to be worth the time that decoding takes. */
const WORTH = 0.998;

/** Writes a plane in the mode that takes the fewest bytes: as it is, constant, or coded with one table or several. */
export function encodePlane(writer: ByteWriter, loops: CodingLoops, symbols: Uint8Array, around: Around): void {
  if (symbols.length === 0) return;
  const counts = countAll(loops, symbols);
  if (counts[symbols[0]!] === symbols.length) {
    writer.byte(1);
    writer.byte(symbols[0]!);
    return;
  }
  const coded = symbols.length < FEWEST ? undefined : code(loops, symbols, counts, around);
  if (coded && coded.length < symbols.length * WORTH) {
    writer.byte(2);
    writer.bytes(coded);
  } else {
    writer.byte(0);
    writer.bytes(symbols);
  }
}

function code(loops: CodingLoops, symbols: Uint8Array, counts: Uint32Array, { columns, above }: Around): Uint8Array | undefined {
  const plain = singleClass(counts);
  const options = [{ kind: 0, grid: plain }];
  if (columns > 0 && columns < symbols.length) options.push({ kind: 1, grid: chooseGrid(loops, symbols, columns, counts) });
  // what looks like noise seldom tells more by what is above it, and small planes do not repay the look
  const isPromising = plain.bytes < symbols.length * 0.99 ? symbols.length >= 4096 : symbols.length >= 65536;
  if (above && isPromising) options.push({ kind: 2, grid: chooseByPlane(loops, symbols, above, counts) });
  const best = options.reduce((a, b) => (b.grid.bytes < a.grid.bytes ? b : a));
  if (best.grid.bytes >= symbols.length) return undefined;
  const writer = byteWriter();
  const kind = best.grid.counts.length > 1 ? best.kind : 0;
  writer.byte(kind);
  if (kind === 1) {
    writer.byte(best.grid.rowClasses);
    writer.byte(best.grid.columnClasses);
    encodePlane(writer, loops, best.grid.rows, { columns: 0 });
    encodePlane(writer, loops, best.grid.columns, { columns: 0 });
  } else if (kind === 2) {
    writer.byte(best.grid.rowClasses);
    encodePlane(writer, loops, best.grid.rows, { columns: 0 });
  }
  const frequencies = best.grid.counts.map(normalize);
  for (const table of frequencies) writeFrequencies(writer, table);
  const classes =
    kind === 0 ? undefined : kind === 1 ? gridClasses(best.grid, symbols.length, columns) : above!.map((symbol) => best.grid.rows[symbol]!);
  const words = loops.encodeRans(symbols, { frequencies, ...(classes && { classes }) });
  writer.number(words.length);
  writer.bytes(words);
  return writer.finish();
}

function gridClasses({ rows, columns: ofColumns, columnClasses, rowClasses }: Grid, count: number, columns: number): Uint8Array {
  const patterns = Array.from({ length: rowClasses }, (_, row) => ofColumns.map((column) => row * columnClasses + column));
  const classes = new Uint8Array(rows.length * columns);
  rows.forEach((row, i) => {
    classes.set(patterns[row]!, i * columns);
  });
  return classes.subarray(0, count);
}
