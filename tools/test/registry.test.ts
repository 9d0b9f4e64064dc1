import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Declaration } from '../../packages/tersor/src/core/method.ts';
import { binOf, root, runNode } from '../run.ts';

const core = pathToFileURL(join(root, 'packages/tersor/src/core/')).href;
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-registry-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const registry = (...args: string[]) => runNode(binOf('tsx'), ['tools/registry.ts', folder, ...args]);

function writeMethod(
  path: string,
  { id = 'halve', family = 'quantize', option = "integer(1, 9, { default: 2, doc: 'How often.' })" } = {},
): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(
    join(folder, path),
    `import { defineMethod } from '${core}method.ts';
import { integer } from '${core}options.ts';
export default defineMethod({
  id: '${id}', family: '${family}', summary: 'Halves every weight.', source: 'none', changes: 'values', loss: 'bounded',
  options: { 'times-two': integer(0, 1, { default: 0, doc: 'Twice.', search: [0, 1] }), times: ${option} },
  apply: async (model) => model,
});\n`,
  );
}

it('makes a file of a family a method, its declaration readable without loading it', async () => {
  writeMethod('quantize/halve.ts');
  writeFileSync(join(folder, 'shared.ts'), 'export const shared = 1;\n');
  expect(await registry()).toMatchObject({ status: 0 });
  const text = readFileSync(join(folder, 'registry.gen.ts'), 'utf8');
  expect(text).toContain("export type MethodId = 'halve';");
  expect(text).not.toMatch(/^import .*halve/m);

  const { METHODS }: { METHODS: Record<string, Declaration> } = await import(pathToFileURL(join(folder, 'registry.gen.ts')).href);
  const { halve } = METHODS;
  expect(halve).toMatchObject({ id: 'halve', family: 'quantize', summary: 'Halves every weight.', changes: 'values', loss: 'bounded' });
  expect(halve?.options.times?.parse('9')).toBe(9);
  expect(halve?.options.times?.parse('10')).toBeUndefined();
  expect(halve?.options['times-two']).toMatchObject({ default: 0, doc: 'Twice.', search: [0, 1], expects: 'integer 0..1' });
  expect(await halve?.load()).toMatchObject({ id: 'halve', apply: expect.any(Function) });
});

it('knows when it is stale, and then writes nothing', async () => {
  writeMethod('quantize/halve.ts');
  await registry();
  expect(await registry('--check')).toMatchObject({ status: 0 });
  writeMethod('quantize/double.ts', { id: 'double' });
  const { status, output } = await registry('--check');
  expect(status).toBe(1);
  expect(output).toContain('registry.gen.ts is stale: npm run registry');
  expect(readFileSync(join(folder, 'registry.gen.ts'), 'utf8')).not.toContain('double');
});

it.each([
  ['a family in the wrong folder', 'graph/halve.ts', {}, 'family "quantize" lives in quantize/, not in graph/'],
  ['a file named differently', 'quantize/half.ts', {}, 'id "halve" lives in halve.ts'],
  [
    'an option the generator cannot write',
    'quantize/halve.ts',
    { option: "{ ...integer(1, 9, { default: 2, doc: '' }), schema: { type: 'null' } }" },
    'teach tools/registry.ts',
  ],
  [
    'an option that differs from what its schema makes',
    'quantize/halve.ts',
    { option: "{ ...integer(1, 9, { default: 2, doc: '' }), expects: 'a number' }" },
    'says another expects',
  ],
])('refuses %s', async (_, path, method, message) => {
  writeMethod(path, method);
  const { status, output } = await registry();
  expect(status).toBe(1);
  expect(output).toContain(message);
});

it('refuses a file that is no method', async () => {
  mkdirSync(join(folder, 'quantize'));
  writeFileSync(join(folder, 'quantize/helper.ts'), 'export const x = 1;\n');
  expect((await registry()).output).toContain('quantize/helper.ts: has no default export made by defineMethod');
});
