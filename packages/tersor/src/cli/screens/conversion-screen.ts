import type { Conversion, ConvertedWeight } from '../../core/conversion.ts';
import { printable } from '../../core/text/printable.ts';
import { byReason } from '../../report/by-reason.ts';
import type { Colors, Screen } from '../shell.ts';
import { type Column, table } from '../text/table.ts';
import { labelled } from './measured-lines.ts';
import { sizeBars } from './size-bars.ts';

const SHOWN = 12;
const NAMED = 3;

/** What became of a model in another format. */
export function conversionScreen(
  { input, output, bytes, architecture, weights, leftOut, notes }: Conversion,
  screen: Pick<Screen, 'columns' | 'colors'>,
  everyWeight: boolean,
): string {
  const { dim } = screen.colors;
  const shown = everyWeight ? weights : weights.slice(0, SHOWN);
  const rest = weights.length - shown.length;
  const sections = [
    [
      ...labelled('model', `${printable(input.path)}, ${input.format}${architecture === undefined ? '' : ` of ${architecture}`}`, screen),
      ...labelled('result', output ? `${printable(output.path)}, ${output.format}` : dim('nothing is written: a dry run'), screen),
      ...sizeBars(['before', input.bytes], ['after', bytes], screen),
    ],
    [
      ...table(shown, columnsFor(screen.colors), screen.columns, dim),
      ...(rest > 0 ? [dim(`… and ${rest} more (--weights lists all)`)] : []),
    ],
    leftOut.length > 0 ? labelled('left out', `${listed(leftOut)}: no weights of the network, or none that the result has`, screen) : [],
    [...byReason(notes)].flatMap(([message, about]) => labelled('note', `${listed(about)}: ${printable(message)}`, screen)),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function columnsFor({ dim }: Colors): readonly Column<ConvertedWeight>[] {
  return [
    { title: 'was', text: ({ from = '' }) => printable(from), atLeast: 24, loses: 'middle' },
    { title: 'is', text: ({ to }) => printable(to), atLeast: 20, loses: 'middle' },
    { title: 'shape', text: ({ shape }) => shape.join('×'), dispensable: 1 },
    {
      title: 'stored as',
      text: ({ before, after }) => (before === undefined || before === after ? after : `${before} → ${after}`),
      loses: 'end',
      paint: (cell, { before, after }) => (before === after ? dim(cell) : cell),
    },
  ];
}

function listed(ids: readonly string[]): string {
  const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : '';
  return `${ids.slice(0, NAMED).map(printable).join(', ')}${more}`;
}
