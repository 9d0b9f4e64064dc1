import type { Declaration, Family, Method } from '../../core/method.ts';
import { flagUsage, valueText } from '../method-options.ts';
import type { Screen } from '../shell.ts';
import { paragraph } from '../text/paragraph.ts';
import { paragraphs } from '../text/paragraphs.ts';

const FAMILIES = {
  delta: 'Differences: less of what fine-tuning changed',
  graph: 'The graph: same answers, fewer operators',
  lowrank: 'Low rank: narrow products in place of, or beside, wide ones',
  migrate: 'Scales: the same answers from weights that bear rounding better',
  quantize: 'Quantization: fewer bits per weight',
} as const satisfies Record<Family, string>;

export const LOSSES = {
  none: 'none: the same outputs up to float rounding',
  bounded: 'bounded: every weight stays within a stated distance',
  'data-dependent': 'depends on the data: it is measured',
} as const satisfies Record<Method['loss'], string>;

/** The methods, family by family. */
export function methodsScreen(methods: readonly Declaration[], { columns, colors }: Pick<Screen, 'columns' | 'colors'>): string {
  const width = Math.max(0, ...methods.map(({ id }) => id.length));
  const lines = byFamily(methods).flatMap(([title, members]) => [
    colors.bold(title),
    ...members.flatMap(({ id, summary }) => {
      const [first = '', ...rest] = paragraph(summary, columns - width - 4);
      return [`  ${colors.cyan(id.padEnd(width))}  ${first}`, ...rest.map((line) => ' '.repeat(width + 4) + line)];
    }),
    '',
  ]);
  const footer = ['More about one: tersor methods <id>', 'Each is a command, too: tersor <id> <model> -o <file>'];
  return `${[...lines, ...footer.map(colors.dim)].join('\n')}\n`;
}

export function byFamily(methods: readonly Declaration[]): [title: string, methods: readonly Declaration[]][] {
  const families = [...new Set(methods.map(({ family }) => family))].sort();
  return families.map((family) => [FAMILIES[family], methods.filter((method) => method.family === family)]);
}

/** A method's page: what it does, its options, its notes. */
export function methodPage(method: Declaration, { columns, colors }: Pick<Screen, 'columns' | 'colors'>): string {
  const { id, summary, notes, source, options, loss } = method;
  const flags = Object.entries(options).flatMap(([name, option]) => [
    `  ${colors.cyan(flagUsage(name, option))}`,
    ...paragraph(`${option.doc} Default ${valueText(option.default)}.${triedText(option.search)}`, columns, '      '),
  ]);
  const lines = [
    `${colors.bold(id)}  ${colors.dim(FAMILIES[method.family])}`,
    '',
    ...paragraph(summary, columns),
    ...paragraphs(notes ?? '').flatMap((text) => ['', ...paragraph(text, columns)]),
    '',
    ...(flags.length > 0 ? [colors.bold('Options'), ...flags, ''] : []),
    `${colors.bold('Use')}     tersor ${id} model.onnx -o smaller.onnx`,
    `${colors.bold('Recipe')}  ${JSON.stringify({ use: id, ...defaultsOf(method) })}`,
    `${colors.bold('Loss')}    ${LOSSES[loss]}`,
    `${colors.bold('Source')}  ${source}`,
  ];
  return `${lines.join('\n')}\n`;
}

function triedText(search: readonly unknown[] | undefined): string {
  return search ? ` The search tries ${search.join(', ')}.` : '';
}

export function defaultsOf({ options }: Declaration): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.default]));
}

/** What `--json` prints of a method. */
export function methodData({ id, family, summary, notes, source, changes, loss, options }: Declaration): Readonly<Record<string, unknown>> {
  const described = Object.entries(options).map(([name, { doc, default: standard, expects, schema, search }]) => [
    name,
    { doc, default: standard, expects, schema, search },
  ]);
  return { id, family, summary, notes, source, changes, loss, options: Object.fromEntries(described) };
}
