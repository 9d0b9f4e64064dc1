import { basename } from 'node:path';
import type { Inspection } from '../../core/inspection.ts';
import { printable } from '../../core/text/printable.ts';
import { bytesText, countText } from '../../core/text/units.ts';
import type { Screen } from '../shell.ts';
import { paragraph } from '../text/paragraph.ts';

/** What the model is: one line, where the screen is wide enough. */
export function modelLine(inspection: Inspection, { columns, colors }: Pick<Screen, 'columns' | 'colors'>): string {
  const { path, format, bytes, producer, opsets, parameters } = inspection;
  const opset = opsets[''];
  const facts = [
    bytesText(bytes),
    `${countText(parameters)} parameters`,
    `${format.toUpperCase()}${opset === undefined ? '' : ` opset ${opset}`}`,
    producer && `from ${printable(producer)}`,
  ].filter(Boolean);
  const line = `${colors.bold(printable(basename(path)))}  ${facts.join(colors.dim(' · '))}`;
  return `${paragraph(line, columns, '', '  ').join('\n')}\n`;
}
