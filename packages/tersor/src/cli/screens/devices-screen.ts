import type { DeviceProfile } from '../../core/device.ts';
import { printable } from '../../core/text/printable.ts';
import { bytesText } from '../../core/text/units.ts';
import type { Screen } from '../shell.ts';
import { paragraph } from '../text/paragraph.ts';
import { type Column, table } from '../text/table.ts';

type Row = readonly [id: string, profile: DeviceProfile];

/** How fast devices are, and how that is known. */
export function devicesScreen(
  devices: Readonly<Record<string, DeviceProfile>>,
  { columns, colors }: Pick<Screen, 'columns' | 'colors'>,
): string {
  const rows = Object.entries(devices);
  const lines = table(rows, COLUMNS, columns, colors.dim);
  const sources = rows.flatMap(([id, { source, name }]) =>
    paragraph(`${printable(id)}: ${printable(name)}. ${printable(source)}.`, columns, '', '  '),
  );
  return `${[...lines, '', ...sources.map(colors.dim)].join('\n')}\n`;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'device', text: ([id]) => printable(id), atLeast: 12 },
  { title: 'basis', text: ([, { basis }]) => basis },
  { title: 'f32 GMAC/s', text: ([, { gigamacs }]) => String(gigamacs.linear.f32), align: 'right' },
  { title: 'i8', text: ([, { gigamacs }]) => String(gigamacs.linear.i8 ?? ''), align: 'right' },
  { title: 'memory GB/s', text: ([, { bandwidth }]) => String(bandwidth.memory), align: 'right' },
  { title: 'cache', text: ([, { bandwidth }]) => bytesText(bandwidth.cacheBytes), align: 'right', dispensable: 2 },
  { title: 'an operator', text: ([, { overhead }]) => `${overhead.operator} µs`, align: 'right', dispensable: 1 },
];
