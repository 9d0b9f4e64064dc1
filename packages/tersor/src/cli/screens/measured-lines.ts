import type { DivergenceReport, QualityReport, RepairReport, RuntimeReport, SpeedReport } from '../../core/report.ts';
import { divergenceText, repairText } from '../../core/text/divergence-text.ts';
import { printable } from '../../core/text/printable.ts';
import { subsetsText } from '../../core/text/subsets-text.ts';
import { integerText, millisecondsText, percentText, ratioText, valueText } from '../../core/text/units.ts';
import type { Colors, Screen } from '../shell.ts';
import { paragraph } from '../text/paragraph.ts';

const LABEL = 9;

/** `label  text`, with further lines of the text below it. */
export function labelled(label: string, text: string, { columns, colors }: Pick<Screen, 'columns' | 'colors'>): string[] {
  const [first = '', ...rest] = paragraph(text, columns, ' '.repeat(LABEL + 2));
  return [`${colors.bold(label.padEnd(LABEL))}  ${first.trimStart()}`, ...rest];
}

/** Value, drop, interval and what stands behind them; each output where there are several. */
export function qualityLines(quality: QualityReport, screen: Pick<Screen, 'columns' | 'colors'>): string[] {
  const { metric, value, drop, interval, decisions, samples, evidence, source, outputs, subsets } = quality;
  const { yellow } = screen.colors;
  const word = evidence === 'data' ? 'measured on data' : yellow('indicated only: synthetic inputs');
  const [low, high] = interval;
  return [
    ...labelled(
      'quality',
      `${metric} ${valueText(value)}, drop ${percentText(drop)} (95 %: ${percentText(low)} to ${percentText(high)})`,
      screen,
    ),
    ...labelled('', `${word}; ${samples} samples, ${integerText(decisions)} decisions, ${printable(source)}`, screen),
    ...(subsets ? labelled('', subsetsText(subsets), screen) : []),
    ...(outputs.length > 1 ? outputs : []).flatMap((output) => {
      const { name, kind, cosine, sqnr, divergence } = output;
      const judged = kind === 'state' ? 'state, not judged' : `${output.metric} ${valueText(output.value)}`;
      const extras = [
        `cosine ${valueText(cosine)}`,
        `SQNR ${sqnr.toFixed(1)} dB`,
        divergence !== undefined && `KL ${divergence.toExponential(1)}`,
      ].filter(Boolean);
      return labelled('', `${printable(name)}: ${judged}, ${extras.join(', ')}`, screen);
    }),
  ];
}

export function speedLines({ ratio, interval, before, after, shapes }: SpeedReport, screen: Pick<Screen, 'columns' | 'colors'>): string[] {
  const [low, high] = interval;
  const text = `${ratioText(ratio)} (95 %: ${ratioText(low)} to ${ratioText(high)}), ${millisecondsText(before)} → ${millisecondsText(after)}, ${printable(shapes)}`;
  return labelled('latency', text, screen);
}

export function runtimeLines(runtimes: readonly RuntimeReport[], screen: Pick<Screen, 'columns' | 'colors'>): string[] {
  return runtimes.flatMap(({ name, status, message, drop, ratio }, i) => {
    const measured = [drop !== undefined && `drop ${percentText(drop)}`, ratio !== undefined && `latency ${ratioText(ratio)}`];
    const facts = [status !== 'verified' && status, ...measured].filter(Boolean).map((fact) => `, ${fact}`);
    return labelled(
      i === 0 ? 'runtime' : '',
      `${runtimeMark(status, screen.colors)} ${printable(name)}${facts.join('')}${message ? `: ${printable(message)}` : ''}`,
      screen,
    );
  });
}

/** Where something is computed wrongly, and what was done so that it is not. */
export function divergenceLines(
  { divergence, repairs = [] }: { readonly divergence?: DivergenceReport; readonly repairs?: readonly RepairReport[] },
  screen: Pick<Screen, 'columns' | 'colors'>,
): string[] {
  const { red, dim, green } = screen.colors;
  const [what = '', against = ''] = divergence ? divergenceText(divergence) : [];
  return [
    ...(divergence
      ? [...labelled('wrong', `${red('✗')} ${printable(what)}`, screen), ...labelled('', dim(printable(against)), screen)]
      : []),
    ...repairs.flatMap((repair, i) => labelled(i === 0 ? 'repaired' : '', `${green('✓')} ${printable(repairText(repair))}`, screen)),
  ];
}

function runtimeMark(status: RuntimeReport['status'], { green, red, yellow }: Colors): string {
  return status === 'verified' ? green('✓') : status === 'failed' ? red('✗') : yellow('?');
}
