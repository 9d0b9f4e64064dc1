import type { PackedStreamReport, PackReport, PrefixReport, UnpackReport } from '../../core/packing.ts';
import { printable } from '../../core/text/printable.ts';
import { shellWord } from '../../core/text/shell-word.ts';
import { bytesText, durationText, percentText } from '../../core/text/units.ts';
import type { Screen } from '../shell.ts';
import { type Column, table } from '../text/table.ts';

/** Without `--weights` only the largest are shown. */
const LARGEST = 12;

/** How small a file got, and what of it takes the bytes. */
export function packScreen(
  { input, output, base = [], headerBytes, streams, note, seconds }: PackReport,
  { columns, colors }: Pick<Screen, 'columns' | 'colors'>,
  all: boolean,
): string {
  const names = [...new Set(streams.map(({ type }) => type))];
  const types = names
    .map((name) =>
      summed(
        name,
        streams.filter(({ type }) => type === name),
      ),
    )
    .sort((a, b) => b.packed - a.packed);
  const sorted = streams.toSorted((a, b) => b.packed - a.packed);
  const shown = all ? sorted : sorted.slice(0, LARGEST);
  const more = sorted.length > shown.length ? [colors.dim(`${sorted.length - shown.length} more: --weights`)] : [];
  const speed = `${bytesText(input.bytes / seconds)}/s`;
  const share = input.bytes === 0 ? '' : `, ${percentText(output.bytes / input.bytes)}`;
  const header = { name: 'header and index', type: '', bytes: 0, packed: headerBytes, forms: [] };
  return `${[
    `${printable(input.path)}  ${bytesText(input.bytes)} → ${bytesText(output.bytes)}${share}  ${durationText(seconds)}, ${speed}`,
    ...(note === undefined ? [] : [printable(note)]),
    ...(base.length === 0
      ? []
      : [`A difference to ${base.map(({ name }) => printable(name)).join(', ')}: unpacking takes the same bytes.`]),
    '',
    ...table([...types, header], TYPE_COLUMNS, columns, colors.dim),
    ...(shown.length === 0 ? [] : ['', ...table(shown, WEIGHT_COLUMNS, columns, colors.dim), ...more]),
    '',
    output.path === undefined
      ? 'Nothing was written.'
      : `Wrote   ${printable(output.path)}\nUnpack  tersor unpack ${printable(shellWord(output.path))}${base.length > 0 ? ' --base <file>' : ''}`,
  ].join('\n')}\n`;
}

function summed(type: string, of: readonly PackedStreamReport[]): PackedStreamReport {
  const sum = (value: (stream: PackedStreamReport) => number) => of.reduce((total, stream) => total + value(stream), 0);
  return { name: type, type, bytes: sum(({ bytes }) => bytes), packed: sum(({ packed }) => packed), forms: [] };
}

const SIZES: readonly Column<PackedStreamReport>[] = [
  { title: 'before', text: ({ bytes }) => (bytes === 0 ? '' : bytesText(bytes)), align: 'right' },
  { title: 'packed', text: ({ packed }) => bytesText(packed), align: 'right' },
  { title: 'ratio', text: ({ bytes, packed }) => (bytes === 0 ? '' : percentText(packed / bytes)), align: 'right' },
];

const TYPE_COLUMNS: readonly Column<PackedStreamReport>[] = [{ title: 'what', text: ({ name }) => name }, ...SIZES];

const WEIGHT_COLUMNS: readonly Column<PackedStreamReport>[] = [
  { title: 'weight', text: ({ name }) => printable(name), atLeast: 16, loses: 'middle' },
  { title: 'type', text: ({ type }) => type },
  ...SIZES,
  { title: 'as', text: ({ forms }) => forms.join(', '), dispensable: 1 },
];

export function unpackScreen({ input, output, seconds }: UnpackReport): string {
  const speed = `${durationText(seconds)}, ${bytesText(output.bytes / seconds)}/s`;
  const wrote = output.path === undefined ? 'Nothing was written: every byte is right.' : `Wrote   ${printable(output.path)}`;
  return `${printable(input.path)}  ${bytesText(input.bytes)} → ${bytesText(output.bytes)}  ${speed}\nSHA-256 ${output.sha256}\n${wrote}\n`;
}

export function prefixScreen({ input, output, bits }: PrefixReport): string {
  const sizes = `${bytesText(input.bytes)} → ${bytesText(output.bytes)}, ${percentText(output.bytes / input.bytes)}`;
  return `${printable(input.path)}  ${sizes}  ${bits} bits\nWrote   ${printable(output.path)}\n`;
}
