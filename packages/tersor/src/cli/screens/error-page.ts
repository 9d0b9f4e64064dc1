import { ERRORS, type ErrorCode } from '../../core/error.ts';
import { STATUS, STATUS_MEANINGS } from '../exit-status.ts';
import { ERROR_PAGES, type ErrorPage } from '../explain/error-pages.ts';
import type { Screen } from '../shell.ts';
import { paragraph } from '../text/paragraph.ts';

export function errorPage(code: ErrorCode, { columns, colors }: Pick<Screen, 'columns' | 'colors'>): string {
  const { meaning, causes, actions }: ErrorPage = ERROR_PAGES[code];
  const status = STATUS[code];
  const list = (title: string, items: readonly string[]) => [
    '',
    colors.bold(title),
    ...items.flatMap((item) => paragraph(item, columns, '· ', '  ')),
  ];
  const lines = [
    `${colors.bold(code)}  ${ERRORS[code]}`,
    '',
    ...paragraph(meaning, columns),
    ...list('Causes', causes),
    ...list('What to do', actions),
    '',
    colors.dim(`Exit status ${status}: ${STATUS_MEANINGS[status]}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** All codes with their line in the catalogue. */
export function errorIndex({ colors }: Pick<Screen, 'colors'>): string {
  const entries = Object.entries(ERRORS);
  const width = Math.max(...entries.map(([code]) => code.length));
  const lines = entries.map(([code, meaning]) => `${colors.bold(code.padEnd(width))}  ${meaning}`);
  return `${lines.join('\n')}\n\n${colors.dim('More about one: tersor explain <code>')}\n`;
}
