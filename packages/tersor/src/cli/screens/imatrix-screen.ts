import { printable } from '../../core/text/printable.ts';
import type { Screen } from '../shell.ts';
import { type Column, table } from '../text/table.ts';

interface Row {
  readonly id: string;
  readonly columns: number;
  readonly matrices: number;
  readonly tokens: number;
  readonly unseen: number;
  readonly mean: number;
  readonly loudest: number;
}

export interface ImatrixSummary {
  readonly file: string;
  readonly datasets: readonly string[];
  readonly chunks: number;
  readonly chunkTokens: number;
  readonly weights: readonly Row[];
}

/** What weights are multiplied by, as an imatrix file has it. */
export function imatrixScreen(
  { file, datasets, chunks, chunkTokens, weights }: ImatrixSummary,
  { columns, colors }: Pick<Screen, 'columns' | 'colors'>,
): string {
  const of = datasets.length > 0 ? ` of ${datasets.map(printable).join(', ')}` : '';
  const read = chunks > 0 ? `, ${chunks} chunks${chunkTokens > 0 ? ` of ${chunkTokens} tokens` : ''}${of}` : of;
  const unseen = weights.reduce((sum, row) => sum + row.unseen, 0);
  const lines = table(weights, COLUMNS, columns, colors.dim);
  const note = unseen > 0 ? ['', colors.dim(`${unseen} matrices saw no token: their columns count the same.`)] : [];
  return `${[`${printable(file)}: ${weights.length} weights${read}`, '', ...lines, ...note].join('\n')}\n`;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'weight', text: ({ id }) => printable(id), atLeast: 16, loses: 'middle' },
  { title: 'columns', text: ({ columns }) => String(columns), align: 'right' },
  { title: 'matrices', text: ({ matrices }) => String(matrices), align: 'right', dispensable: 2 },
  { title: 'tokens', text: ({ tokens }) => String(tokens), align: 'right', dispensable: 1 },
  { title: 'mean square', text: ({ mean }) => mean.toPrecision(3), align: 'right' },
  { title: 'loudest 1 %', text: ({ loudest }) => `${(loudest * 100).toFixed(0)} %`, align: 'right' },
];
