/**
 * Writes the pages that are made from declarations: a page a method, the errors, the command line. They cannot disagree with the code.
 *
 * Usage: docs [--check]. With `--check` nothing is written, and a stale, missing or superfluous page is an error.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { METHODS } from '../packages/tersor/src/methods/registry.gen.ts';
import { commandLinePage } from './docs/command-line-page.ts';
import { errorsPage } from './docs/errors-page.ts';
import { methodPage, methodsIndex } from './docs/method-page.ts';
import { fail, root } from './run.ts';

const docs = join(root, 'docs');
const methods = Object.values(METHODS);
const pages = new Map<string, string>([
  ['command-line.md', commandLinePage(METHODS)],
  ['errors.md', errorsPage()],
  ['methods/README.md', methodsIndex(methods)],
  ...methods.map((method): [string, string] => [`methods/${method.id}.md`, methodPage(method)]),
]);

const superfluous = existsSync(join(docs, 'methods'))
  ? readdirSync(join(docs, 'methods')).filter((file) => !pages.has(`methods/${file}`))
  : [];
const stale = [...pages].filter(([file, text]) => !existsSync(join(docs, file)) || readFileSync(join(docs, file), 'utf8') !== text);

if (process.argv.includes('--check')) {
  const wrong = [
    ...stale.map(([file]) => `docs/${file} is stale`),
    ...superfluous.map((file) => `docs/methods/${file} belongs to no method`),
  ];
  if (wrong.length > 0) fail(`${wrong.join('\n')}\nwrite them anew: npm run docs`);
} else {
  for (const [file, text] of stale) {
    mkdirSync(dirname(join(docs, file)), { recursive: true });
    writeFileSync(join(docs, file), text);
  }
  for (const file of superfluous) rmSync(join(docs, 'methods', file));
}
