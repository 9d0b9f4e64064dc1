import { flagUsage, valueText } from '../../packages/tersor/src/cli/method-options.ts';
import { byFamily, defaultsOf, LOSSES } from '../../packages/tersor/src/cli/screens/methods-screen.ts';
import type { Declaration } from '../../packages/tersor/src/core/method.ts';
import { cell, GENERATED } from './markdown.ts';

/** The page of one method, in Markdown. */
export function methodPage(method: Declaration): string {
  const { id, summary, notes, source, options, loss } = method;
  const rows = Object.entries(options).map(([name, option]) => {
    const { doc, expects, default: standard, search } = option;
    const flag = flagUsage(name, option).split(' ')[0];
    const tried = search ? search.map((value) => `\`${String(value)}\``).join(', ') : '';
    return `| \`${name}\` | \`${flag}\` | ${cell(expects)} | \`${cell(valueText(standard))}\` | ${tried} | ${cell(doc)} |`;
  });
  const table = ['| option | flag | takes | default | the search tries | |', '|---|---|---|---|---|---|', ...rows];
  const parts = [
    GENERATED,
    `# ${id}`,
    summary,
    ...(notes ? [notes.trim()] : []),
    '```sh\n' + `tersor ${id} model.onnx -o smaller.onnx\n` + '```',
    'As a step of a recipe, with its defaults:',
    '```json\n' + `${JSON.stringify({ use: id, ...defaultsOf(method) })}\n` + '```',
    ...(rows.length > 0 ? ['## Options', table.join('\n')] : []),
    `Loss: ${LOSSES[loss]}.`,
    `Source: ${source}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

/** All methods, family by family. */
export function methodsIndex(methods: readonly Declaration[]): string {
  const families = byFamily(methods).map(([title, members]) => {
    const lines = members.map(({ id, summary }) => `- [\`${id}\`](${id}.md): ${summary}`);
    return `## ${title}\n\n${lines.join('\n')}`;
  });
  return `${[GENERATED, '# Methods', 'Each is a command (`tersor <id> <model> -o <file>`) and a step of a recipe.', ...families].join('\n\n')}\n`;
}
