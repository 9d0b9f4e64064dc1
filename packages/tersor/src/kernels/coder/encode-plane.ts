import { type ByteWriter, byteWriter } from '../../core/byte-writer.ts';
import { chooseByPair, chooseByPlane, chooseGrid, countAll, groupBytes } from './choose-classes.ts';
import type { Coder } from './coding.ts';
import { normalize, writeFrequencies } from './frequencies.ts';
import { type Grid, singleClass } from './merge-groups.ts';

/** What is known of the symbols' neighbourhood. */
export interface Around {
  /** Symbols in a row; 0 when they are no matrix. */
  readonly columns: number;
  /** What the plane above has in their places; of the highest one, what the reader knows besides. */
  readonly above?: Uint8Array;
  /** What the reader knows besides, where there is a plane above. */
  readonly beside?: Uint8Array;
}

/** What a plane's first byte says. */
const MODES = { plain: 0, constant: 1, tables: 2, adaptive: 3 };
/** Fewer symbols never pay for a table and 16 states. */
const FEWEST = 96;
/** Of the bytes beside, and of those above: more pairs cost more to merge than they bring. */
const GROUPS_OF_PAIR = 6;
/** What coding must save to be worth the time that decoding takes. */
const WORTH = 0.998;

/** Writes a plane in the mode that takes the fewest bytes: as it is, constant, or coded with one table or several, or adaptively. */
export function encodePlane(writer: ByteWriter, coder: Coder, symbols: Uint8Array, around: Around): void {
  if (symbols.length === 0) return;
  const counts = countAll(coder, symbols);
  if (counts[symbols[0]!] === symbols.length) {
    writer.byte(MODES.constant);
    writer.byte(symbols[0]!);
    return;
  }
  const coded = symbols.length < FEWEST ? [] : code(coder, symbols, counts, around);
  const best = coded.reduce((a, b) => (b.bytes.length < a.bytes.length ? b : a), { mode: MODES.plain, bytes: symbols });
  const isWorthIt = best.bytes.length < symbols.length * WORTH;
  writer.byte(isWorthIt ? best.mode : MODES.plain);
  writer.bytes(isWorthIt ? best.bytes : symbols);
}

interface Coded {
  readonly mode: number;
  readonly bytes: Uint8Array;
}

function code(coder: Coder, symbols: Uint8Array, counts: Uint32Array, around: Around): Coded[] {
  const { kind, grid, classes } = chooseClasses(coder, symbols, counts, around);
  if (grid.bytes >= symbols.length) return [];
  const begun = (rest: (writer: ByteWriter) => void) => {
    const writer = byteWriter();
    writeClasses(writer, coder, kind, grid);
    rest(writer);
    return writer.finish();
  };
  const withTables = begun((writer) => {
    const frequencies = grid.counts.map(normalize);
    for (const table of frequencies) writeFrequencies(writer, table);
    const words = coder.encodeRans(symbols, { frequencies, ...(classes && { classes }) });
    writer.number(words.length);
    writer.bytes(words);
  });
  const coded = [{ mode: MODES.tables, bytes: withTables }];
  const adaptive = coder.profile === 'max' ? coder.encodeAdaptive(symbols, classes) : undefined;
  if (!adaptive) return coded;
  const bytes = begun((writer) => {
    writer.number(adaptive.length);
    writer.bytes(adaptive);
  });
  return [...coded, { mode: MODES.adaptive, bytes }];
}

interface Chosen {
  readonly kind: number;
  readonly grid: Grid;
  readonly classes: Uint8Array | undefined;
}

function chooseClasses(coder: Coder, symbols: Uint8Array, counts: Uint32Array, { columns, above, beside }: Around): Chosen {
  const plain: Chosen = { kind: 0, grid: singleClass(counts), classes: undefined };
  const byGrid = columns > 0 && columns < symbols.length ? chooseGrid(coder, symbols, columns, counts) : undefined;
  // what looks like noise seldom tells more by what is above it, and small planes do not repay the look
  const fewest = plain.grid.bytes < symbols.length * 0.99 ? 4096 : 65536;
  const choices = [plain];
  if (byGrid) choices.push({ kind: 1, grid: byGrid, classes: gridClasses(byGrid, symbols.length, columns) });
  if (above && symbols.length >= fewest) {
    const byAbove = groupBytes(coder, symbols, above, counts, beside && GROUPS_OF_PAIR);
    const byBeside = beside && groupBytes(coder, symbols, beside, counts, GROUPS_OF_PAIR);
    const grid =
      byBeside && beside ? chooseByPair(coder, symbols, [beside, byBeside], [above, byAbove], counts) : chooseByPlane(byAbove, counts);
    const classes = beside
      ? coder.pairClasses(beside, grid.rows, above, grid.columns, grid.columnClasses)
      : coder.mapClasses(above, grid.rows);
    choices.push({ kind: beside ? 3 : 2, grid, classes });
  }
  return choices.filter(({ kind, grid }) => kind === 0 || grid.counts.length > 1).reduce((a, b) => (b.grid.bytes < a.grid.bytes ? b : a));
}

function writeClasses(writer: ByteWriter, coder: Coder, kind: number, { rows, columns, rowClasses, columnClasses }: Grid): void {
  writer.byte(kind);
  if (kind === 0) return;
  writer.byte(rowClasses);
  if (kind !== 2) writer.byte(columnClasses);
  encodePlane(writer, coder, rows, { columns: 0 });
  if (kind !== 2) encodePlane(writer, coder, columns, { columns: 0 });
}

function gridClasses({ rows, columns: ofColumns, columnClasses, rowClasses }: Grid, count: number, columns: number): Uint8Array {
  const patterns = Array.from({ length: rowClasses }, (_, row) => ofColumns.map((column) => row * columnClasses + column));
  const classes = new Uint8Array(rows.length * columns);
  rows.forEach((row, i) => {
    classes.set(patterns[row]!, i * columns);
  });
  return classes.subarray(0, count);
}
