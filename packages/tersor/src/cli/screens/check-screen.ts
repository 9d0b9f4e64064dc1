import type { FolderCheck } from '../../core/folder-report.ts';
import type { Check, CheckRow } from '../../core/report.ts';
import { printable } from '../../core/text/printable.ts';
import type { Screen } from '../shell.ts';
import { table } from '../text/table.ts';
import { runtimeLines } from './measured-lines.ts';
import { statusMark } from './status-mark.ts';

/** What was promised, what the report says came of it, and what came of it now. */
export function checkScreen({ model, rows, runtimes, kept }: Check, screen: Room): string {
  return `${[...section(model.path, rows, runtimes, screen), '', verdict(kept, screen)].join('\n')}\n`;
}

/** The same of every model of a folder, and of what lies beside them. */
export function folderCheckScreen({ path, rows, models, kept }: FolderCheck, screen: Room): string {
  const sections = [
    ...models.map(({ name, check }) => section(name, check.rows, check.runtimes, screen)),
    ...(rows.length > 0 ? [section(`${path}/`, rows, [], screen)] : []),
    [verdict(kept, screen)],
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

type Room = Pick<Screen, 'columns' | 'colors'>;

function section(title: string, rows: readonly CheckRow[], runtimes: Check['runtimes'], screen: Room): string[] {
  const { bold, dim } = screen.colors;
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
  const run = runtimeLines(runtimes, screen);
  return [bold(printable(title)), ...lines, ...(run.length > 0 ? ['', ...run] : [])];
}

function verdict(kept: boolean, { colors: { green, red } }: Room): string {
  return kept ? green('No promise is missed.') : red('A promise is missed.');
}
