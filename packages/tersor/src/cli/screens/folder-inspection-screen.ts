import type { FolderFile } from '../../core/folder-report.ts';
import type { FolderInspection } from '../../core/inspection.ts';
import { printable } from '../../core/text/printable.ts';
import { bytesText, countText, percentText } from '../../core/text/units.ts';
import { folderName } from '../../io/node-folder.ts';
import type { Screen } from '../shell.ts';
import { bar } from '../text/bar.ts';
import { paragraph } from '../text/paragraph.ts';
import { type Column, table } from '../text/table.ts';
import { labelled } from './measured-lines.ts';

type Room = Pick<Screen, 'columns' | 'colors'>;

/** What the folder is, in one line. */
export function folderLine({ path, bytes, models, files }: FolderInspection, { columns, colors }: Room): string {
  const carried = files.filter(({ status }) => status !== 'left-out').length;
  const facts = [
    `${models.length} ${models.length === 1 ? 'model' : 'models'}`,
    bytesText(bytes),
    `${countText(models.reduce((sum, { inspection }) => sum + inspection.parameters, 0))} parameters`,
    carried > 0 && `${carried} other ${carried === 1 ? 'file' : 'files'}`,
  ].filter(Boolean);
  const line = `${colors.bold(`${printable(folderName(path))}/`)}  ${facts.join(colors.dim(' · '))}`;
  return `${paragraph(line, columns, '', '  ').join('\n')}\n`;
}

/** What is inside a folder of models. */
export function folderInspectionScreen(inspection: FolderInspection, screen: Room): string {
  const { models, files, bytes } = inspection;
  const share = (model: (typeof models)[number]) => (bytes > 0 ? model.inspection.bytes / bytes : 0);
  const columns: readonly Column<(typeof models)[number]>[] = [
    { title: 'model', text: ({ name }) => printable(name), atLeast: 24 },
    { title: 'opset', text: ({ inspection: { opsets } }) => String(opsets[''] ?? ''), align: 'right' },
    { title: 'parameters', text: ({ inspection: { parameters } }) => countText(parameters), align: 'right', dispensable: 2 },
    { title: 'bytes', text: ({ inspection: { bytes } }) => bytesText(bytes), align: 'right' },
    { title: 'share', text: (model) => percentText(share(model)), align: 'right' },
    { title: '', text: (model) => bar(share(model), 10), dispensable: 1, paint: (cell) => screen.colors.cyan(cell) },
  ];
  const quantized = models.filter((model) => model.inspection.alreadyQuantized.length > 0).map(({ name }) => printable(name));
  return [
    folderLine(inspection, screen),
    `${table(models, columns, screen.columns, screen.colors.dim).join('\n')}\n`,
    quantized.length > 0 && `${labelled('quantized', `${screen.colors.yellow('already:')} ${quantized.join(', ')}`, screen).join('\n')}\n`,
    files.length > 0 && `${filesSection(files, screen).join('\n')}\n`,
  ]
    .filter(Boolean)
    .join('\n');
}

const NAMES_SHOWN = 6;

/** What lies with the models, by what becomes of it. */
export function filesSection(files: readonly FolderFile[], screen: Room): string[] {
  const carried = files.filter(({ status }) => status === 'carried');
  const changed = files.filter(({ status }) => status === 'changed');
  const leftOut = files.filter(({ status }) => status === 'left-out');
  const reasons = new Map<string, FolderFile[]>();
  for (const file of leftOut) reasons.set(file.why ?? '', [...(reasons.get(file.why ?? '') ?? []), file]);
  return [
    ...(carried.length > 0 ? labelled('carried', listed(carried), screen) : []),
    ...changed.flatMap((file) => labelled('changed', `${printable(file.name)}: ${file.why ?? ''}`, screen)),
    ...[...reasons].flatMap(([why, members], i) => labelled(i === 0 ? 'left out' : '', `${listed(members)}: ${printable(why)}`, screen)),
  ];
}

/** The largest by name, with their bytes. */
function listed(files: readonly FolderFile[]): string {
  const largest = [...files].sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0) || (a.name < b.name ? -1 : 1));
  const names = largest
    .slice(0, NAMES_SHOWN)
    .map(({ name, bytes }) => `${printable(name)}${bytes === undefined ? '' : ` (${bytesText(bytes)})`}`);
  const rest = largest.slice(NAMES_SHOWN);
  const more = rest.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  return rest.length > 0 ? `${names.join(', ')} and ${rest.length} more (${bytesText(more)})` : names.join(', ');
}
