import type { Answer, ClassDelta, LabelledQuality, QualityReport, WorstSample } from '../../core/report.ts';
import { printable } from '../../core/text/printable.ts';
import { integerText, percentText, valueText } from '../../core/text/units.ts';
import type { Screen } from '../shell.ts';
import { type Column, table } from '../text/table.ts';
import { labelled } from './measured-lines.ts';

type Room = Pick<Screen, 'columns' | 'colors'>;

const SHOWN = 10;
const CLASSES_SHOWN = 6;

/** Samples whose answers changed most: of classes the flipped decisions, of numbers the largest errors. */
export function worstLines({ worst = [] }: QualityReport, { columns, colors }: Room): string[] {
  const shown = worst.slice(0, SHOWN);
  if (shown.length === 0) return [];
  const isFlip = shown.some(({ changed }) => changed !== undefined);
  const titled: readonly Column<WorstSample>[] = [
    { title: isFlip ? 'changed most' : 'largest error', text: ({ id }) => printable(id), atLeast: 16 },
    { title: 'at', text: placeText, dispensable: 2 },
    { title: 'before', text: ({ before }) => answerText(before), atLeast: 12 },
    { title: 'after', text: ({ after }) => answerText(after), atLeast: 12 },
    ...(isFlip
      ? [
          {
            title: 'changed',
            text: ({ changed = 0, decisions }: WorstSample) => `${changed} of ${decisions}`,
            align: 'right' as const,
            dispensable: 1,
          },
        ]
      : [{ title: 'error', text: ({ error = 0 }: WorstSample) => percentText(error), align: 'right' as const }]),
    ...(shown.some(({ labels }) => labels)
      ? [{ title: 'right is', text: ({ labels = [] }: WorstSample) => printable(labels.join(', ')), atLeast: 8, loses: 'end' as const }]
      : []),
  ];
  return table(shown, titled, columns, colors.dim);
}

/** "30 bullfrog 71 %", or "0.1234". */
function answerText({ value, class: id, name }: Answer): string {
  if (id === undefined) return Number(value.toPrecision(4)).toString();
  return `${id}${name === undefined ? '' : ` ${printable(name)}`} ${percentText(value)}`;
}

/** Steps and places that there is only one of are not worth a word. */
function placeText({ step, at }: WorstSample): string {
  return [step !== undefined && `step ${step}`, at.length > 0 && at.some((index) => index > 0) && `[${at.join(',')}]`]
    .filter(Boolean)
    .join(' ');
}

/** Right answers before and after, and for which labels that changed. */
export function labelLines({ labelled: right, scores = [] }: QualityReport, screen: Room): string[] {
  const said = scores.map(({ name, before, after }) => `${printable(name)} ${valueText(before)} → ${valueText(after)}`);
  return [
    ...(said.length > 0 ? labelled('scores', said.join(', '), screen) : []),
    ...(right ? labelled('labels', rightText(right), screen) : []),
    ...(right ? right.classes.filter(hasChanged).slice(0, CLASSES_SHOWN) : []).flatMap((delta) => labelled('', deltaText(delta), screen)),
  ];
}

/** "top-1 0.7606 → 0.7535 of 142 (95 %: -2.1 % to 0.7 %); 2 lost, 1 won". */
function rightText({ metric, before, after, samples, interval: [low, high], lost, won }: LabelledQuality): string {
  return `${metric} ${valueText(before)} → ${valueText(after)} of ${integerText(samples)} (change, 95 %: ${percentText(low)} to ${percentText(high)}); ${lost} right → wrong, ${won} wrong → right`;
}

function hasChanged({ before, after }: ClassDelta): boolean {
  return before !== after;
}

function deltaText({ label, samples, before, after }: ClassDelta): string {
  return `${printable(label)}: ${percentText(before)} → ${percentText(after)} of ${integerText(samples)}`;
}
