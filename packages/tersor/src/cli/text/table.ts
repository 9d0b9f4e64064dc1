import { cut, padEnd, padStart, shorten, widthOf } from './width.ts';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly align?: 'left' | 'right';
  /** What is lost of a text that is too long. */
  readonly loses?: 'middle' | 'end';
  /** Gives way when the terminal is narrow, down to this many columns. */
  readonly atLeast?: number;
  /** Left out altogether before anything shrinks below its least. Higher goes first. */
  readonly dispensable?: number;
  /** Colours the cell after it has its width. */
  readonly paint?: (cell: string, row: Row) => string;
}

const GAP = '  ';
/** Where nothing else can go, a column that may shrink shrinks to this. */
const NARROWEST = 6;

/** Lines of a table that fits into `width` columns: columns that may shrink do, then dispensable ones go. */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number,
  heading: (line: string) => string,
): string[] {
  const { shown, widths } = fit(rows, columns, width);
  const line = (text: (column: Column<Row>, width: number) => string, paint: (column: Column<Row>, cell: string) => string) =>
    shown
      .map((column, i) => {
        const isLast = i === shown.length - 1;
        return paint(column, align(column, text(column, widths[i]!), isLast ? 0 : widths[i]!, widths[i]!));
      })
      .join(GAP)
      .trimEnd();
  return [
    heading(
      line(
        ({ title }, w) => cut(title, w),
        (_, cell) => cell,
      ),
    ),
    ...rows.map((row) =>
      line(
        ({ text, loses }, w) => (loses === 'end' ? cut(text(row), w) : shorten(text(row), w)),
        ({ paint }, cell) => (paint ? paint(cell, row) : cell),
      ),
    ),
  ];
}

interface Fitted<Row> {
  readonly shown: readonly Column<Row>[];
  readonly widths: readonly number[];
}

function fit<Row>(rows: readonly Row[], columns: readonly Column<Row>[], width: number): Fitted<Row> {
  const natural = columns.map(({ title, text }) => rows.reduce((most, row) => Math.max(most, widthOf(text(row))), widthOf(title)));
  const room = width - GAP.length * (columns.length - 1);
  const widths = shrink(natural, room, (i) => columns[i]!.atLeast);
  if (sum(widths) <= room) return { shown: columns, widths };
  const most = Math.max(...columns.map(({ dispensable = 0 }) => dispensable));
  if (most > 0)
    return fit(
      rows,
      columns.filter(({ dispensable }) => dispensable !== most),
      width,
    );
  return { shown: columns, widths: shrink(widths, room, (i) => columns[i]!.atLeast && NARROWEST) };
}

/** Takes one column of text after the other from whatever has most to give, until all fit or nobody can give. */
function shrink(natural: readonly number[], room: number, least: (i: number) => number | undefined): number[] {
  const widths = [...natural];
  const spare = (i: number) => Math.max(0, widths[i]! - (least(i) ?? widths[i]!));
  for (let excess = sum(widths) - room; excess > 0; excess--) {
    const giver = widths.reduce((best, _, i) => (spare(i) > spare(best) ? i : best), 0);
    if (spare(giver) === 0) break;
    widths[giver]!--;
  }
  return widths;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Blanks at the end of a line are left out. */
function align<Row>(column: Column<Row>, text: string, widthLeft: number, widthRight: number): string {
  return column.align === 'right' ? padStart(text, widthRight) : padEnd(text, widthLeft);
}
