import type { Cost, OperatorCost } from '../../core/cost.ts';
import { byOperator, type OperatorSum } from '../../core/cost-sums.ts';
import { printable } from '../../core/text/printable.ts';
import { bytesText, countText, energyText, millisecondsText, percentText } from '../../core/text/units.ts';
import type { Colors, Screen } from '../shell.ts';
import { bar } from '../text/bar.ts';
import { paragraph } from '../text/paragraph.ts';
import { type Column, table } from '../text/table.ts';
import { shorten } from '../text/width.ts';
import { labelled } from './measured-lines.ts';
import { profilePlot } from './profile-plot.ts';

const SHOWN = 10;
const BAR = 12;
const ALIVE = 3;

type Room = Pick<Screen, 'columns' | 'colors'>;

/** What one run of a model costs, where, and what is not known. */
export function costScreen(cost: Cost, screen: Room): string {
  const sections = [summary(cost, screen), memoryPlot(cost, screen), kinds(cost, screen), dearest(cost, screen), notes(cost, screen)];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function summary(cost: Cost, screen: Room): string[] {
  const { inputs, macs, operations, parameters, cache, latency } = cost;
  const { yellow } = screen.colors;
  const shapes = inputs.map(({ name, shape, from }) => {
    const word = from === 'guessed' ? ` ${yellow('guessed')}` : from === 'traced' ? ' traced' : '';
    return `${printable(name)} [${shape.join(', ')}]${word}`;
  });
  return [
    ...labelled('one run', shapes.join(', ') || 'no inputs', screen),
    ...labelled(
      'counts',
      `${countText(macs)} multiply-accumulates, ${countText(operations)} other operations, ${countText(parameters)} parameters`,
      screen,
    ),
    ...labelled('memory', memoryText(cost, screen), screen),
    ...(cache ? labelled('KV cache', `${bytesText(cache.bytesPerToken)} a token, ${bytesText(cache.bytes)} after this run`, screen) : []),
    ...(latency ? labelled('latency', latencyText(latency), screen) : []),
    ...(latency
      ? labelled('energy', `${yellow('estimate:')} ${energyText(latency.energy.millijoules)} (${latency.energy.source})`, screen)
      : []),
  ];
}

function memoryText({ memory: { weightBytes, storedBytes, peakBytes, peakAt, alive } }: Cost, { columns }: Room): string {
  const named = (name: string) => shorten(printable(name), Math.max(16, Math.min(columns, 100) - 24));
  const stored = storedBytes === weightBytes ? '' : ` (${bytesText(storedBytes)} in the file)`;
  const largest = alive.slice(0, ALIVE).map(({ name, bytes }) => `${named(name)} ${bytesText(bytes)}`);
  const at = peakAt === undefined ? '' : `, at ${named(peakAt)}: ${largest.join(', ')}${alive.length > ALIVE ? ', ...' : ''}`;
  return `${bytesText(weightBytes + peakBytes)} at most: weights ${bytesText(weightBytes)}${stored} + activations ${bytesText(peakBytes)}${at}`;
}

function latencyText({ ms, device, basis, share }: NonNullable<Cost['latency']>): string {
  const parts = Object.entries(share).map(([bound, part]) => `${bound} ${percentText(part)}`);
  return `${millisecondsText(ms)} predicted for ${printable(device)} (${basis}); bound by ${parts.join(', ')}`;
}

function memoryPlot({ operators }: Cost, { columns, colors }: Room): string[] {
  if (operators.length < 2) return [];
  const heights = operators.map(({ liveBytes }) => liveBytes);
  const plot = profilePlot(heights, { columns: Math.min(columns, 100) - 12, rows: 5 });
  const most = heights.reduce((highest, height) => Math.max(highest, height), 0);
  const margin = (row: number) => (row === 0 ? bytesText(most) : row === plot.length - 1 ? '0' : '').padStart(9);
  return [
    `${colors.bold('Activations in memory')}  ${colors.dim('from the first operator to the last')}`,
    ...plot.map((line, row) => `${colors.dim(`${margin(row)} │`)}${colors.cyan(line)}`.trimEnd()),
  ];
}

function kinds(cost: Cost, { columns, colors }: Room): string[] {
  const rows = byOperator(cost.operators);
  if (rows.length === 0) return [colors.dim('No operators.')];
  const timed = cost.latency !== undefined;
  const most = rows.reduce((sum, row) => sum + row[timed ? 'ms' : 'macs'], 0);
  const shown = rows.slice(0, SHOWN);
  return [
    `${colors.bold('Operators')}  ${colors.dim(`${cost.operators.length} run, by kind`)}`,
    ...table(shown, kindColumns(most, timed, colors), columns, colors.dim),
    ...(rows.length > shown.length ? [colors.dim(`… and ${rows.length - shown.length} kinds that cost less`)] : []),
  ];
}

function kindColumns(total: number, timed: boolean, colors: Colors): readonly Column<OperatorSum>[] {
  const share = (row: OperatorSum) => (total > 0 ? row[timed ? 'ms' : 'macs'] / total : 0);
  return [
    { title: 'operator', text: ({ op }) => printable(op), atLeast: 14 },
    { title: 'count', text: ({ count }) => String(count), align: 'right', dispensable: 2 },
    { title: 'MACs', text: ({ macs }) => (macs > 0 ? countText(macs) : ''), align: 'right' },
    { title: 'other', text: ({ operations }) => (operations > 0 ? countText(operations) : ''), align: 'right', dispensable: 3 },
    { title: 'weights', text: ({ weightBytes }) => (weightBytes > 0 ? bytesText(weightBytes) : ''), align: 'right' },
    { title: 'moved', text: ({ movedBytes }) => bytesText(movedBytes), align: 'right' },
    ...(timed ? [{ title: 'time', text: ({ ms }: OperatorSum) => millisecondsText(ms), align: 'right' as const }] : []),
    { title: timed ? 'of time' : 'of MACs', text: (row) => percentText(share(row)), align: 'right' },
    { title: '', text: (row) => bar(share(row), BAR), dispensable: 1, paint: (cell, row) => (share(row) > 0 ? colors.cyan(cell) : cell) },
  ];
}

function dearest({ operators, latency }: Cost, { columns, colors }: Room): string[] {
  const timed = latency !== undefined;
  const price = ({ time, macs }: OperatorCost) => (timed ? (time?.ms ?? 0) : macs);
  const sorted = operators.filter((cost) => price(cost) > 0).sort((a, b) => price(b) - price(a));
  if (sorted.length < 2) return [];
  const columnsOf: readonly Column<OperatorCost>[] = [
    { title: 'operator', text: ({ name }) => printable(name), atLeast: 30 },
    { title: 'kind', text: ({ op, arithmetic }) => `${printable(op)} ${arithmetic}`, atLeast: 10, loses: 'end' },
    { title: 'output', text: ({ shape }) => shape?.join('×') ?? '?', atLeast: 9, dispensable: 2 },
    { title: 'MACs', text: ({ macs }) => countText(macs), align: 'right' },
    { title: 'weights', text: ({ weightBytes }) => bytesText(weightBytes), align: 'right', dispensable: 3 },
    ...(timed
      ? [
          { title: 'time', text: ({ time }: OperatorCost) => millisecondsText(time?.ms ?? 0), align: 'right' as const },
          { title: 'bound by', text: ({ time }: OperatorCost) => time?.bound ?? '', dispensable: 1 },
        ]
      : []),
  ];
  return [
    `${colors.bold('Dearest')}  ${colors.dim(`${Math.min(SHOWN, sorted.length)} of ${sorted.length}`)}`,
    ...table(sorted.slice(0, SHOWN), columnsOf, columns, colors.dim),
  ];
}

function notes({ notes: all }: Cost, { columns, colors }: Room): string[] {
  const shown = all.slice(0, SHOWN);
  const more = all.length - shown.length;
  return [
    ...shown.flatMap((note) => paragraph(`${colors.yellow('!')} ${printable(note)}`, columns, '', '  ')),
    ...(more > 0 ? [colors.dim(`… and ${more} more notes (--json has all)`)] : []),
  ];
}
