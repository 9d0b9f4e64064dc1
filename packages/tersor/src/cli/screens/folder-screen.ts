import type { FolderModel, FolderReport } from '../../core/folder-report.ts';
import { printable } from '../../core/text/printable.ts';
import { bytesText, durationText, percentText, ratioText, valueText } from '../../core/text/units.ts';
import { transformersLine } from '../../report/transformers-line.ts';
import type { Colors, Screen } from '../shell.ts';
import { paragraph } from '../text/paragraph.ts';
import { type Column, table } from '../text/table.ts';
import { filesSection } from './folder-inspection-screen.ts';
import { labelled } from './measured-lines.ts';
import { promiseSection } from './promise-section.ts';
import { sizeBars } from './size-bars.ts';

type Room = Pick<Screen, 'columns' | 'colors'>;

/** The result of the main job on a folder: the whole, each model, what lies with them, and what to do with it. */
export function folderScreen(report: FolderReport, screen: Room, { kept }: { readonly kept: boolean }): string {
  const { input, resultBytes, outcome, models, files, seconds, promises } = report;
  const after = outcome === 'planned' ? 'planned' : 'after';
  const { total = 0 } = seconds;
  const sections = [
    outcome === 'nothing-to-gain'
      ? labelled('size', bytesText(input.bytes), screen)
      : sizeBars(['before', input.bytes], [after, resultBytes], screen),
    table(models, modelColumns(report), screen.columns, screen.colors.dim),
    notes(models, screen),
    [...filesSection(files, screen), ...(total > 0 && outcome !== 'planned' ? labelled('time', durationText(total), screen) : [])],
    promiseSection(promises, screen.colors),
    endSection(report, screen, kept),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function modelColumns({ outcome, target }: FolderReport): readonly Column<FolderModel>[] {
  const before = ({ report, resultBytes }: FolderModel) => report?.input.bytes ?? resultBytes;
  const measured = (text: (model: FolderModel) => string) => (model: FolderModel) => (model.stays === undefined ? text(model) : '');
  return [
    { title: 'model', text: ({ name }) => printable(name), atLeast: 20 },
    ...(target === 'transformers.js' ? [{ title: 'dtype', text: ({ dtype }: FolderModel) => dtype ?? '' }] : []),
    { title: 'before', text: (model) => bytesText(before(model)), align: 'right' },
    { title: outcome === 'planned' ? 'planned' : 'after', text: ({ resultBytes }) => bytesText(resultBytes), align: 'right' },
    {
      title: 'share',
      text: (model) => (model.stays === undefined ? percentText(model.resultBytes / before(model)) : 'as it was'),
      align: 'right',
    },
    ...(outcome === 'planned'
      ? []
      : ([
          {
            title: 'quality',
            text: measured(({ report }) => (report?.quality ? `${report.quality.metric} ${valueText(report.quality.value)}` : '')),
          },
          {
            title: 'latency',
            text: measured(({ report }) => (report?.speed ? ratioText(report.speed.ratio) : '')),
            align: 'right',
            dispensable: 1,
          },
          { title: 'inputs', text: measured(({ report }) => inputsWord(report)), dispensable: 2 },
        ] satisfies Column<FolderModel>[])),
  ];
}

function inputsWord(report: FolderModel['report']): string {
  if (!report?.quality) return '';
  return report.quality.evidence === 'data' ? 'data' : 'made up';
}

/** Why models stay, and whose data did not fit. */
function notes(models: readonly FolderModel[], { columns, colors }: Room): string[] {
  const lines = models.flatMap(({ name, stays, report }) => [
    ...(stays === undefined ? [] : [`${printable(name)}: stays, ${printable(stays)}`]),
    ...(report?.skipped ?? []).filter(({ about }) => about === 'data').map(({ message }) => `${printable(name)}: ${printable(message)}`),
  ]);
  return lines.length === 0 ? [] : [colors.bold('Notes'), ...lines.flatMap((line) => paragraph(line, columns, '  ', '    '))];
}

function endSection(report: FolderReport, { columns, colors }: Room, kept: boolean): string[] {
  const { outcome, input, output } = report;
  switch (outcome) {
    case 'planned':
      return [colors.dim('This is a plan: nothing was computed, nothing was written.')];
    case 'nothing-to-gain':
      return paragraph(
        `${colors.yellow('Nothing to gain:')} the models of ${printable(input.path)} are as small as tersor can make them within the promises. No folder was written.`,
        columns,
      );
    case 'missed':
      return paragraph(
        `${colors.red('A promise was missed.')} ${kept && output ? `The folder was kept: ${printable(output.path)}` : 'The folder was not left behind; --keep leaves it.'}`,
        columns,
      );
    case 'compressed':
      return output ? whatNow(report, output.path, colors) : [];
  }
}

/** Lines to paste stay in one piece, however narrow the screen. */
function whatNow({ loaders = [] }: FolderReport, output: string, { green, bold }: Colors): string[] {
  return [
    `${green('Wrote')}      ${bold(`${printable(output)}/`)}`,
    ...loaders.map((loader) => `${bold('Load it')}    ${printable(transformersLine(output, loader))}`),
  ];
}
