import type { ErrorSpread } from '../../core/error-spread.ts';
import type { ComparedWeight, Comparison } from '../../core/report.ts';
import { printable } from '../../core/text/printable.ts';
import { percentText, valueText } from '../../core/text/units.ts';
import type { Colors, Screen } from '../shell.ts';
import { divergenceLines, labelled, qualityLines, runtimeLines, speedLines } from './measured-lines.ts';
import { sizeBars } from './size-bars.ts';
import { weightsTable } from './weights-table.ts';
import { labelLines, worstLines } from './worst-table.ts';

export interface ComparisonView {
  readonly everyWeight: boolean;
  readonly atLeast?: number;
}

/** Two models side by side: size, quality, latency, and the error of every weight that both have. */
export function comparisonScreen(
  comparison: Comparison,
  screen: Pick<Screen, 'columns' | 'colors'>,
  { everyWeight, atLeast }: ComparisonView,
): string {
  const { a, b, quality, speed, runtimes, weights, onlyInA, onlyInB } = comparison;
  const sections = [
    [
      ...labelled('a', printable(a.path), screen),
      ...labelled('b', printable(b.path), screen),
      ...sizeBars(['a', a.bytes], ['b', b.bytes], screen),
    ],
    [
      ...(quality ? [...qualityLines(quality, screen), ...labelLines(quality, screen)] : []),
      ...(speed ? speedLines(speed, screen) : []),
      ...runtimeLines(runtimes, screen),
      ...divergenceLines(comparison, screen),
    ],
    quality ? worstLines(quality, screen) : [],
    errorLines(weights, screen),
    weightsTable(weights, screen, everyWeight, 'largest error'),
    [...onlyLines('only in a', onlyInA, screen), ...onlyLines('only in b', onlyInB, screen)],
    atLeast === undefined ? [] : [verdict(quality?.value, atLeast, screen.colors)],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

/** How errors are spread over weights, and over the values in them. */
function errorLines(weights: readonly ComparedWeight[], screen: Pick<Screen, 'columns' | 'colors'>): string[] {
  const errors = weights.flatMap(({ error }) => error ?? []).sort((a, b) => a - b);
  const at = (share: number) => percentText(errors[Math.min(errors.length - 1, Math.floor(share * errors.length))] ?? 0);
  const spreads = weights.flatMap(({ spread }) => spread ?? []);
  const broken = weights.filter(({ broken }) => broken);
  const brokenLines = broken.length === 0 ? [] : labelled('', brokenText(broken), screen);
  if (spreads.length === 0) return brokenLines;
  const most = (of: (spread: ErrorSpread) => number) => percentText(Math.max(...spreads.map(of)));
  const same = errors.filter((error) => error === 0).length;
  return [
    ...labelled(
      'weights',
      `${errors.length} compared, ${same} the same; error ${at(0)} to ${at(1)}, half of them at most ${at(0.5)}`,
      screen,
    ),
    ...labelled(
      '',
      `single values, of the weight's root mean square: half at most ${most(({ p50 }) => p50)} off, 99 % at most ${most(({ p99 }) => p99)}, all at most ${most(({ max }) => max)}`,
      screen,
    ),
    ...brokenLines,
  ];
}

function brokenText(weights: readonly ComparedWeight[]): string {
  const values = weights.reduce((sum, { broken = 0 }) => sum + broken, 0);
  const are = values === 1 ? 'value is' : 'values are';
  return `${values} ${are} infinite or not a number in one of the two alone: ${someOf(weights.map(({ id }) => id))}`;
}

const NAMED = 3;

function onlyLines(label: string, ids: readonly string[], screen: Pick<Screen, 'columns' | 'colors'>): string[] {
  if (ids.length === 0) return [];
  return labelled(label, someOf(ids), screen);
}

function someOf(ids: readonly string[]): string {
  const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : '';
  return `${ids.slice(0, NAMED).map(printable).join(', ')}${more}`;
}

function verdict(value: number | undefined, atLeast: number, { green, red }: Colors): string {
  const asked = `at least ${percentText(atLeast)}`;
  if (value === undefined) return `${red('✗')} ${asked}: quality could not be measured`;
  return value >= atLeast ? `${green('✓')} ${asked}: ${valueText(value)}` : `${red('✗')} ${asked}: only ${valueText(value)}`;
}
