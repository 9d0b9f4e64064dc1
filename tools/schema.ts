/**
 * Keeps the JSON Schemas of reports, of a model and of a folder, and of profiles of devices, in `packages/tersor/schema`, made from the types in `core`.
 *
 * Usage: schema [--check]. With `--check` nothing is written, and a stale schema is an error.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createGenerator } from 'ts-json-schema-generator';
import { fail, root } from './run.ts';

const project = join(root, 'packages/tersor');
const SCHEMAS = [
  { type: 'Report', source: 'report.ts', file: 'report.schema.json', title: 'tersor report', later: true },
  { type: 'FolderReport', source: 'folder-report.ts', file: 'folder-report.schema.json', title: 'tersor report of a folder', later: true },
  { type: 'DeviceProfile', source: 'device.ts', file: 'device.schema.json', title: 'tersor device', later: false },
] as const;

for (const { type, source, file, title, later } of SCHEMAS) {
  const generated = createGenerator({
    path: join(project, 'src/core', source),
    tsconfig: join(project, 'tsconfig.json'),
    type,
    additionalProperties: later, // reports of later versions say more
    skipTypeCheck: true, // that is another check's work, with another compiler
  }).createSchema(type);
  keep(file, `${JSON.stringify({ title, ...generated }, null, 2)}\n`);
}

function keep(file: string, text: string): void {
  const path = join(project, 'schema', file);
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } else if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
    fail(`packages/tersor/schema/${file} differs from its types: npm run schema, and commit it`);
  }
}
