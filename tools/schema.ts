/**
 * Keeps `packages/tersor/schema/report.schema.json`, the JSON Schema of reports, made from the types in `core/report.ts`.
 *
 * Usage: schema [--check]. With `--check` nothing is written, and a stale schema is an error.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createGenerator } from 'ts-json-schema-generator';
import { fail, root } from './run.ts';

const project = join(root, 'packages/tersor');
const path = join(project, 'schema/report.schema.json');

const generated = createGenerator({
  path: join(project, 'src/core/report.ts'),
  tsconfig: join(project, 'tsconfig.json'),
  type: 'Report',
  additionalProperties: true, // reports of later versions say more
  skipTypeCheck: true, // that is another check's work, with another compiler
}).createSchema('Report');
const text = `${JSON.stringify({ title: 'tersor report', ...generated }, null, 2)}\n`;

if (!process.argv.includes('--check')) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
} else if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
  fail('packages/tersor/schema/report.schema.json differs from the types of reports: npm run schema, and commit it');
}
