import { bytesText, percentText } from '../../core/text/units.ts';
import type { Screen } from '../shell.ts';
import { bar } from '../text/bar.ts';
import { padEnd } from '../text/width.ts';

const WIDEST = 48;
/** Less rounds to "1.00x smaller". */
const SHOWN_FROM = 1.01;

/** Two bars of one scale: how much of the first is left in the second. */
export function sizeBars(
  [nameA, a]: readonly [string, number],
  [nameB, b]: readonly [string, number],
  { columns, colors }: Pick<Screen, 'columns' | 'colors'>,
): string[] {
  const label = 9;
  const width = Math.max(8, Math.min(WIDEST, columns - label - 34));
  const most = Math.max(a, b, 1);
  const line = (name: string, bytes: number, paint: (text: string) => string, more = '') =>
    `${colors.bold(name.padEnd(label))}  ${paint(padEnd(bar(bytes / most, width), width))}  ${bytesText(bytes).padStart(7)}${more}`;
  const times = b > 0 && a / b >= SHOWN_FROM ? `, ${(a / b).toFixed(2)}x smaller` : '';
  const share = a > 0 ? `  ${percentText(b / a)}${times}` : '';
  return [line(nameA, a, colors.dim), line(nameB, b, b <= a ? colors.green : colors.red, share)];
}
