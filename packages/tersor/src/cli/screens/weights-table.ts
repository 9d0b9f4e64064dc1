import type { ComparedWeight, WeightReport } from '../../core/report.ts';
import { printable } from '../../core/text/printable.ts';
import { bytesText, percentText } from '../../core/text/units.ts';
import type { Colors, Screen } from '../shell.ts';
import { type Column, table } from '../text/table.ts';

const SHOWN = 12;

/** The weights that take most of the original, or have the largest error, and what became of them. */
export function weightsTable(
  weights: readonly ComparedWeight[],
  { columns, colors }: Pick<Screen, 'columns' | 'colors'>,
  everyWeight: boolean,
  first: 'largest' | 'largest error' = 'largest',
): string[] {
  if (weights.length === 0) return [];
  const rank = ({ error = 0, broken }: ComparedWeight) => (first === 'largest' ? 0 : broken ? Number.MAX_VALUE : error);
  const largest = [...weights].sort((a, b) => rank(b) - rank(a) || b.bytesBefore - a.bytesBefore || (a.id < b.id ? -1 : 1));
  const shown = everyWeight ? largest : largest.slice(0, SHOWN);
  const lines = table(shown, columnsFor(shown, colors), columns, colors.dim);
  return [...lines, ...restLine(largest.slice(shown.length), colors)];
}

function columnsFor(rows: readonly ComparedWeight[], colors: Colors): readonly Column<ComparedWeight>[] {
  return [
    { title: 'weight', text: ({ id }) => printable(id), atLeast: 30 },
    { title: 'shape', text: ({ shape }) => shape.join('×'), dispensable: 2 },
    layoutColumn(rows, colors),
    { title: 'before', text: ({ bytesBefore }) => bytesText(bytesBefore), align: 'right' },
    {
      title: 'after',
      text: ({ bytesAfter }) => bytesText(bytesAfter),
      align: 'right',
      paint: (cell, { bytesBefore, bytesAfter }) => (bytesAfter < bytesBefore ? colors.green(cell) : cell),
    },
    ...(rows.some(({ error, broken }) => error !== undefined || broken) ? [errorColumn(colors)] : []),
  ];
}

function errorColumn({ red }: Colors): Column<ComparedWeight> {
  return {
    title: 'error',
    text: ({ error, broken }) => (broken ? 'not finite' : error === undefined ? '' : percentText(error)),
    align: 'right',
    dispensable: 1,
    paint: (cell, { broken }) => (broken ? red(cell) : cell),
  };
}

/** Weights mostly start from one type; then it is said once, in the title. */
function layoutColumn(rows: readonly WeightReport[], { dim }: Colors): Column<WeightReport> {
  const starts = new Set(rows.map(({ before }) => before));
  const [start] = starts;
  const changed = ({ before, after }: WeightReport) => (starts.size === 1 ? after : `${before} → ${after}`);
  return {
    title: starts.size === 1 ? `${start} →` : 'stored as',
    text: (row) => (row.before === row.after ? row.before : changed(row)),
    atLeast: 14,
    loses: 'end',
    paint: (cell, { before, after }) => (before === after ? dim(cell) : cell),
  };
}

function restLine(rest: readonly WeightReport[], colors: Colors): string[] {
  if (rest.length === 0) return [];
  const before = rest.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0);
  const after = rest.reduce((sum, { bytesAfter }) => sum + bytesAfter, 0);
  return [colors.dim(`… and ${rest.length} more, ${bytesText(before)} → ${bytesText(after)} (--weights lists all)`)];
}
