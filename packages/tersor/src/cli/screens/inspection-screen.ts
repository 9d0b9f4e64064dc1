import { RECIPE_KEY } from '../../compress/recipe-in-file.ts';
import type { InspectedWeight, Inspection } from '../../core/inspection.ts';
import { printable } from '../../core/text/printable.ts';
import { bytesText, percentText } from '../../core/text/units.ts';
import type { Colors, Screen } from '../shell.ts';
import { bar } from '../text/bar.ts';
import { paragraph } from '../text/paragraph.ts';
import { type Column, table } from '../text/table.ts';
import { labelled } from './measured-lines.ts';
import { modelLine } from './model-line.ts';

const SHOWN = 12;
const METADATA_WIDTH = 200;

type Room = Pick<Screen, 'columns' | 'colors'>;

/** What is inside a model, and where its bytes are. */
export function inspectionScreen(inspection: Inspection, screen: Room, everyWeight: boolean): string {
  const {
    inputs,
    outputs,
    alreadyQuantized,
    metadata: { [RECIPE_KEY]: recipe, ...metadata },
    opsets,
    path,
  } = inspection;
  const domains = Object.entries(opsets).filter(([domain]) => domain !== '');
  const about = [
    ...valueLines('inputs', inputs, screen),
    ...valueLines('outputs', outputs, screen),
    ...(domains.length > 0
      ? labelled('domains', domains.map(([domain, version]) => `${printable(domain)} ${version}`).join(', '), screen)
      : []),
    ...Object.entries(metadata).flatMap(([key, value], i) =>
      labelled(i === 0 ? 'metadata' : '', `${printable(key)}: ${printable(value.slice(0, METADATA_WIDTH))}`, screen),
    ),
    ...(recipe === undefined ? [] : labelled('recipe', `inside; repeat it with --recipe ${printable(path)}`, screen)),
    ...(alreadyQuantized.length > 0 ? labelled('quantized', quantizedText(alreadyQuantized, screen.colors), screen) : []),
  ];
  const sections = [about, operatorLines(inspection, screen), weightLines(inspection, screen, everyWeight)];
  return (
    modelLine(inspection, screen) +
    sections
      .filter((lines) => lines.length > 0)
      .map((lines) => `${lines.join('\n')}\n`)
      .join('\n')
  );
}

function quantizedText(found: readonly string[], { yellow }: Colors): string {
  const more = found.length > 2 ? ` and ${found.length - 2} more` : '';
  return `${yellow('already:')} ${found.slice(0, 2).map(printable).join(', ')}${more}`;
}

function valueLines(label: string, values: Inspection['inputs'], screen: Room): string[] {
  return values.flatMap(({ name, dtype, shape }, i) => {
    const dimensions = shape?.map((dimension) => (dimension === undefined ? '?' : String(dimension))).join(', ');
    return labelled(
      i === 0 ? label : '',
      `${printable(name)}  ${dtype ?? 'any'}${dimensions === undefined ? '' : ` [${printable(dimensions)}]`}`,
      screen,
    );
  });
}

/** Every operator with its count, most used first. */
function operatorLines({ operators }: Inspection, { columns, colors }: Room): string[] {
  const counted = Object.entries(operators).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  if (counted.length === 0) return [];
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  return [
    `${colors.bold('Operators')}  ${colors.dim(`${total} nodes`)}`,
    ...paragraph(counted.map(([op, count]) => `${printable(op)}\u00a0${count}`).join(', '), columns, '  ').map((line) =>
      line.replaceAll('\u00a0', ' '),
    ),
  ];
}

function weightLines({ weights, bytes }: Inspection, { columns, colors }: Room, everyWeight: boolean): string[] {
  if (weights.length === 0) return [colors.dim('No weights.')];
  const largest = [...weights].sort((a, b) => b.bytes - a.bytes || (a.id < b.id ? -1 : 1));
  const shown = everyWeight ? largest : largest.slice(0, SHOWN);
  const rest = largest.slice(shown.length);
  const restBytes = rest.reduce((sum, weight) => sum + weight.bytes, 0);
  return [
    `${colors.bold('Weights')}  ${colors.dim(`${weights.length}, largest first`)}`,
    ...table(shown, weightColumns(bytes, colors), columns, colors.dim),
    ...(rest.length > 0 ? [colors.dim(`… and ${rest.length} more, ${bytesText(restBytes)} (--weights lists all)`)] : []),
  ];
}

const BAR = 10;

function weightColumns(total: number, colors: Colors): readonly Column<InspectedWeight>[] {
  const share = ({ bytes }: InspectedWeight) => (total > 0 ? bytes / total : 0);
  return [
    { title: 'weight', text: ({ id }) => printable(id), atLeast: 30 },
    { title: 'shape', text: ({ shape }) => shape.join('×'), atLeast: 9 },
    { title: 'stored as', text: ({ layout }) => layout, atLeast: 14, loses: 'end' },
    { title: 'layer', text: ({ kind, uses }) => (kind ? `${kind}${uses > 1 ? ` ×${uses}` : ''}` : ''), dispensable: 1 },
    { title: 'bytes', text: ({ bytes }) => bytesText(bytes), align: 'right' },
    { title: 'share', text: (weight) => percentText(share(weight)), align: 'right' },
    { title: '', text: (weight) => bar(share(weight), BAR), dispensable: 2, paint: (cell) => colors.cyan(cell) },
  ];
}
