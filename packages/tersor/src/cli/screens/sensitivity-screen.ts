import type { Choice } from '../../core/choice.ts';
import type { PredictorReport, Sensitivity, TriedSteps } from '../../core/sensitivity.ts';
import { mostSensitive, type Ranked } from '../../core/sensitivity-sums.ts';
import { printable } from '../../core/text/printable.ts';
import {
  allocationText,
  correlationText,
  lossText,
  measureText,
  shortName,
  trustText,
  unreachedText,
} from '../../core/text/sensitivity-text.ts';
import { bytesText, percentText } from '../../core/text/units.ts';
import type { Screen } from '../shell.ts';
import { bar } from '../text/bar.ts';
import { paragraph } from '../text/paragraph.ts';
import { type Column, table } from '../text/table.ts';
import { widthApart } from '../text/width.ts';
import { labelled } from './measured-lines.ts';

const SHOWN = 15;
const BAR = 16;

type Room = Pick<Screen, 'columns' | 'colors'>;

/** What each layer can bear, the most sensitive first, and which predictors tell as much. */
export function sensitivityScreen(sensitivity: Sensitivity, screen: Room, { everyLayer = false } = {}): string {
  const sections = [
    summary(sensitivity, screen),
    steps(sensitivity, screen),
    layers(sensitivity, screen, everyLayer),
    predictors(sensitivity, screen),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function summary(sensitivity: Sensitivity, screen: Room): string[] {
  const { inputs, layers, tried, complete, forwards, recalled, allocation, notes } = sensitivity;
  const { yellow } = screen.colors;
  const on = `${inputs.samples} samples of ${printable(inputs.source)}`;
  const evidence = inputs.evidence === 'data' ? on : yellow(`${on}: indicated only`);
  const unreached = unreachedText(sensitivity);
  const known = recalled > 0 ? `, ${recalled} losses known from before` : '';
  return [
    ...labelled(
      'measured',
      `${layers.length} layers, each alone, by ${tried.length} steps, on ${evidence}; ${forwards} runs${known}`,
      screen,
    ),
    ...labelled('loss', measureText(sensitivity), screen),
    ...(allocation ? labelled('choice', allocationText(allocation), screen) : []),
    ...(complete
      ? []
      : paragraph(`${yellow('!')} ended before everything was measured: what is missing is left out`, screen.columns, '', '  ')),
    ...(unreached ? paragraph(`${yellow('!')} ${unreached}`, screen.columns, '', '  ') : []),
    ...notes
      .slice(0, 5)
      .flatMap(({ about, message }) => paragraph(`${yellow('!')} ${printable(about)}: ${printable(message)}`, screen.columns, '', '  ')),
  ];
}

function steps({ tried }: Sensitivity, { columns, colors }: Room): string[] {
  const rows: readonly Column<TriedSteps>[] = [
    { title: 'every layer by', text: ({ name }) => shortName(name), atLeast: 20, loses: 'end' },
    { title: 'layers', text: ({ layers }) => String(layers), align: 'right', dispensable: 1 },
    { title: 'bytes', text: ({ bytes }) => bytesText(bytes), align: 'right' },
    { title: 'losses, added up', text: ({ loss }) => (loss === undefined ? '' : lossText(loss)), align: 'right', dispensable: 2 },
    { title: 'together', text: ({ together }) => (together === undefined ? '' : lossText(together)), align: 'right' },
  ];
  return tried.length === 0 ? [] : table(tried, rows, columns, colors.dim);
}

interface Row extends Ranked {
  readonly choice?: Choice;
}

function layers(sensitivity: Sensitivity, { columns, colors }: Room, everyLayer: boolean): string[] {
  const { by, ranked } = mostSensitive(sensitivity);
  if (by === undefined) return [colors.dim('No layer has a choice.')];
  const choices = new Map(sensitivity.allocation?.choices.map((choice) => [choice.id, choice]));
  const rows = ranked.map((each): Row => {
    const choice = choices.get(each.layer.id);
    return { ...each, ...(choice && { choice }) };
  });
  const most = rows[0]?.loss ?? 0;
  const shown = everyLayer ? rows : rows.slice(0, SHOWN);
  const rest = rows.length - shown.length;
  const names = shown.map(({ layer }) => printable(layer.id));
  const shape: readonly Column<Row>[] = [
    { title: 'layer', text: ({ layer }) => printable(layer.id), atLeast: widthApart(names, 32, 64) },
    { title: 'shape', text: ({ layer }) => layer.shape.join('×'), dispensable: 2 },
    { title: 'bytes', text: ({ layer }) => bytesText(layer.bytes), align: 'right', dispensable: 3 },
    { title: 'loss', text: ({ loss }) => lossText(loss), align: 'right' },
    { title: 'of all', text: ({ share }) => percentText(share), align: 'right', dispensable: 4 },
    { title: '', text: ({ loss }) => bar(most > 0 ? loss / most : 0, BAR), dispensable: 1, paint: (cell) => colors.cyan(cell) },
    ...(choices.size > 0
      ? [{ title: 'gets', text: ({ choice }: Row) => shortName(choice?.name ?? ''), atLeast: 10, loses: 'end' as const }]
      : []),
  ];
  return [
    `${colors.bold('Most sensitive first')}  ${colors.dim(`by ${shortName(sensitivity.tried[by]?.name ?? '')}`)}`,
    ...table(shown, shape, columns, colors.dim),
    ...(rest > 0
      ? paragraph(`… and ${rest} that lose less (--weights lists all; --html and --csv say why)`, columns).map((line) => colors.dim(line))
      : []),
  ];
}

function predictors(sensitivity: Sensitivity, screen: Room): string[] {
  const { columns, colors } = screen;
  const rows: readonly Column<PredictorReport>[] = [
    { title: 'predictor', text: ({ id }) => id },
    { title: 'rank correlation (95 %)', text: correlationText, align: 'right' },
    { title: 'within a step', text: ({ withinSteps }) => withinSteps?.toFixed(2) ?? '', align: 'right' },
    { title: '', text: ({ summary }) => summary, atLeast: 16, loses: 'end', dispensable: 1, paint: (cell) => colors.dim(cell) },
  ];
  return [...table(sensitivity.predictors, rows, columns, colors.dim), ...paragraph(trustText(sensitivity), columns)];
}
