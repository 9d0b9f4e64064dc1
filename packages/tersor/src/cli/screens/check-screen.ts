import type { Check, CheckRow } from '../../core/report.ts';
import { printable } from '../../core/text/printable.ts';
import type { Screen } from '../shell.ts';
import { table } from '../text/table.ts';
import { runtimeLines } from './measured-lines.ts';
import { statusMark } from './status-mark.ts';

/** What was promised, what the report says came of it, and what came of it now. */
export function checkScreen({ model, rows, runtimes, kept }: Check, screen: Pick<Screen, 'columns' | 'colors'>): string {
  const { bold, dim, green, red } = screen.colors;
  const lines = table<CheckRow>(
    rows,
    [
      { title: ' ', text: () => '●', paint: (_, { status }) => statusMark(status, screen.colors) },
      { title: 'promised', text: ({ promised }) => printable(promised), atLeast: 12 },
      { title: 'report', text: ({ reported = '' }) => printable(reported), dispensable: 1 },
      { title: 'now', text: ({ actual }) => printable(actual), atLeast: 12 },
      { title: 'status', text: ({ status }) => status, paint: dim },
    ],
    screen.columns,
    dim,
  );
  const verdict = kept ? green('No promise is missed.') : red('A promise is missed.');
  const run = runtimeLines(runtimes, screen);
  return `${[bold(printable(model.path)), ...lines, ...(run.length > 0 ? ['', ...run] : []), '', verdict].join('\n')}\n`;
}
