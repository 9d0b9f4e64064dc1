import type { Target } from '../../core/format.ts';
import type { Step } from '../../core/recipe.ts';
import type { Report, SearchReport } from '../../core/report.ts';
import { printable } from '../../core/text/printable.ts';
import { reasonText } from '../../core/text/sensitivity-text.ts';
import { shellWord } from '../../core/text/shell-word.ts';
import { calibrationText } from '../../core/text/subsets-text.ts';
import { bytesText, durationText } from '../../core/text/units.ts';
import { observes } from '../../methods/observes.ts';
import { byReason } from '../../report/by-reason.ts';
import { loaderLine, packedLine } from '../../report/loader-line.ts';
import { isModel } from '../recipe-of-model.ts';
import type { Colors, Screen } from '../shell.ts';
import { paragraph } from '../text/paragraph.ts';
import { divergenceLines, labelled, qualityLines, runtimeLines, speedLines } from './measured-lines.ts';
import { promiseSection } from './promise-section.ts';
import { sizeBars } from './size-bars.ts';
import { weightsTable } from './weights-table.ts';
import { labelLines, worstLines } from './worst-table.ts';

export interface ReportView {
  readonly everyWeight: boolean;
  /** A file that misses a promise was to be kept. */
  readonly kept: boolean;
}

type Room = Pick<Screen, 'columns' | 'colors'>;

/** The result of the main job as a person reads it: what was won, what it cost, where, and what to do with it. */
export function reportScreen(report: Report, screen: Room, view: ReportView): string {
  const sections = [
    sizeSection(report, screen),
    measuredSection(report, screen),
    weightsTable(report.weights, screen, view.everyWeight),
    view.everyWeight ? reasonLines(report.search, screen) : [],
    report.quality?.evidence === 'data'
      ? worstLines({ ...report.quality, worst: report.quality.worst?.slice(0, WORST_SHOWN) ?? [] }, screen)
      : [],
    skippedSection(report, screen, view.everyWeight),
    promiseSection(report.promises, screen.colors),
    endSection(report, screen, view),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function sizeSection({ input, output, resultBytes, outcome }: Report, screen: Room): string[] {
  const after = outcome === 'nothing-to-gain' ? undefined : (output?.bytes ?? resultBytes);
  if (after === undefined) return labelled('size', bytesText(input.bytes), screen);
  return sizeBars(['before', input.bytes], [outcome === 'planned' ? 'planned' : 'after', after], screen);
}

function measuredSection(report: Report, screen: Room): string[] {
  const { quality, speed, runtimes, memory, search, calibration, seconds } = report;
  const { total = 0, ...phases } = seconds;
  const took = Object.entries(phases).filter(([, value]) => value >= 0.05);
  const engine = memory.engine === undefined ? '' : `, runtime ${bytesText(memory.engine)}`;
  return [
    ...(quality ? [...qualityLines(quality, screen), ...labelLines(quality, screen)] : []),
    ...(speed ? speedLines(speed, screen) : []),
    ...runtimeLines(runtimes, screen),
    ...divergenceLines(report, screen),
    ...(memory.process > 0 ? labelled('memory', `peak ${bytesText(memory.process)}${engine}`, screen) : []),
    ...(search ? labelled('search', searchText(search), screen) : []),
    ...(calibration ? labelled('calibration', calibrationText(calibration), screen) : []),
    ...(total > 0
      ? labelled(
          'time',
          [durationText(total), took.map(([phase, value]) => `${phase} ${durationText(value)}`).join(', ')].filter(Boolean).join(': '),
          screen,
        )
      : []),
  ];
}

/** Why layers got what they got. */
function reasonLines(search: SearchReport | undefined, { columns, colors }: Room): string[] {
  const reasons = (search?.choices ?? []).map((choice) => [choice.id, reasonText(choice)] as const).filter(([, text]) => text !== '');
  if (reasons.length === 0) return [];
  return [colors.bold('Why'), ...reasons.flatMap(([id, text]) => paragraph(`${printable(id)}: ${text}`, columns, '  ', '    '))];
}

function searchText({ layers, candidates, forwards, recalled }: SearchReport): string {
  const known = recalled > 0 ? `, ${recalled} ${recalled === 1 ? 'answer' : 'answers'} known already` : '';
  return `${layers} layers, ${candidates} candidates, ${forwards} runs${known}`;
}

const SKIPPED_GROUPS = 6;

/** All of them are in the report and in `tersor compare`. */
const WORST_SHOWN = 3;

/** What was left alone, by reason: one line says it for all weights that share it. */
function skippedSection({ skipped }: Report, { columns, colors }: Room, all: boolean): string[] {
  if (skipped.length === 0) return [];
  const groups = byReason(skipped);
  const shown = [...groups].slice(0, all ? groups.size : SKIPPED_GROUPS);
  const lines = shown.flatMap(([message, members]) => {
    const names = members.map(printable);
    const listed = all || names.length <= 2 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;
    return paragraph(`${listed}: ${printable(message)}`, columns, '  ', '    ');
  });
  const hidden = groups.size - shown.length;
  return [colors.bold('Notes'), ...lines, ...(hidden > 0 ? [colors.dim(`  … and ${hidden} more reasons (--weights lists all)`)] : [])];
}

function endSection(
  { outcome, input, output, target, recipe, resultBytes = 0 }: Report,
  { columns, colors }: Room,
  { kept }: ReportView,
): string[] {
  switch (outcome) {
    case 'planned':
      return [colors.dim('This is a plan: nothing was computed, nothing was written.')];
    case 'nothing-to-gain':
      return paragraph(
        resultBytes > input.bytes
          ? `${colors.yellow('Nothing to gain:')} the result would be larger than ${printable(input.path)}. No file was written; tersor compress --keep leaves it.`
          : `${colors.yellow('Nothing to gain:')} ${printable(input.path)} is as small as tersor can make it within the promises. No file was written.`,
        columns,
      );
    case 'missed':
      return paragraph(
        `${colors.red('A promise was missed.')} ${kept && output ? `The file was kept: ${printable(output.path)}` : 'The file was not left behind; --keep leaves it.'}`,
        columns,
      );
    case 'compressed':
      return output ? whatNow(input.path, output, target, recipe.steps, colors) : [];
  }
}

/** Lines to paste stay in one piece, however narrow the screen. */
function whatNow(
  input: string,
  { path, format }: NonNullable<Report['output']>,
  target: Target,
  steps: readonly Step[],
  { green, bold }: Colors,
): string[] {
  const data = steps.some(observes) ? ' --data <the same>' : '';
  const base = steps.map((step) => step.base).find((each) => typeof each === 'string');
  const load = typeof base === 'string' ? `tersor unpack ${shellWord(path)} --base ${shellWord(base)}` : packedLine(path);
  return [
    `${green('Wrote')}      ${bold(printable(path))}`,
    ...(format === 'onnx' ? [`${bold('Load it')}    ${printable(loaderLine(path, target))}`] : []),
    ...(format === 'tsr' ? [`${bold(base === undefined ? 'Load it' : 'Unpack ')}    ${printable(load)}`] : []),
    ...(base === undefined && isModel(path)
      ? [`${bold('Repeat it')}  ${printable(`tersor ${shellWord(input)} --recipe ${shellWord(path)}${data} -o <file>`)}`]
      : []),
  ];
}
