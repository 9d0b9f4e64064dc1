import { STATUS, STATUS_MEANINGS } from '../../packages/tersor/src/cli/exit-status.ts';
import { ERROR_PAGES } from '../../packages/tersor/src/cli/explain/error-pages.ts';
import { ERRORS, type ErrorCode } from '../../packages/tersor/src/core/error.ts';
import { GENERATED } from './markdown.ts';

/** Every error a user can meet, with the pages that `tersor explain` prints. */
export function errorsPage(): string {
  const statuses = Object.entries(STATUS_MEANINGS).map(([status, meaning]) => `| ${status} | ${meaning} |`);
  const parts = [
    GENERATED,
    '# Errors',
    'Every error has a code that stays the same; `tersor explain <code>` prints its page. The exit status follows from the code:',
    ['| status | |', '|---|---|', ...statuses].join('\n'),
    ...Object.keys(ERRORS).map((code) => section(code as ErrorCode)),
  ];
  return `${parts.join('\n\n')}\n`;
}

function section(code: ErrorCode): string {
  const { meaning, causes, actions } = ERROR_PAGES[code];
  const list = (title: string, items: readonly string[]) => `${title}\n\n${items.map((item) => `- ${plain(item)}`).join('\n')}`;
  const lead = `${ERRORS[code]} (status ${STATUS[code]})`;
  return [
    `## ${code}`,
    `*${lead.charAt(0).toUpperCase()}${lead.slice(1)}.* ${plain(meaning)}`,
    list('Causes:', causes),
    list('What to do:', actions),
  ].join('\n\n');
}

/** Placeholders such as <model> are not HTML, and * is not emphasis. */
function plain(text: string): string {
  return text.replaceAll('<', '\\<').replaceAll('*', '\\*');
}
