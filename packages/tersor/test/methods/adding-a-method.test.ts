import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { methodPage, methodsIndex } from '../../../../tools/docs/method-page.ts';
import { binOf, root, runNode } from '../../../../tools/run.ts';
import type { Declaration } from '../../src/core/method.ts';
import { runFake } from '../cli/fake-shell.ts';
import { conformance } from './conformance.ts';

/** All it takes: one file. */
const METHOD = `
import { decode, denseOf } from 'CORE/decode.ts';
import { defineMethod } from 'CORE/method.ts';
import { mapWeights } from 'CORE/model.ts';
import { integer } from 'CORE/options.ts';

export default defineMethod({
  id: 'truncate',
  family: 'quantize',
  summary: 'Keeps the leading bits of every fraction.',
  source: 'https://example.org/truncation',
  options: { bits: integer(1, 23, { default: 7, doc: 'Bits of the fraction that are kept.', search: [3, 7] }) },
  changes: 'values',
  loss: 'bounded',
  async apply(model, { bits }, { scope }) {
    const chosen = new Set(scope.map(({ weight }) => weight.id));
    return mapWeights(model, (weight) => chosen.has(weight.id) ? {
      ...weight,
      load: async () => {
        const values = decode(await weight.load()).slice();
        const raw = new Uint32Array(values.buffer);
        for (let i = 0; i < raw.length; i++) raw[i] = raw[i] - raw[i] % 2 ** (23 - bits);
        return denseOf(values, weight.shape);
      },
    } : undefined);
  },
});
`;

const folder = mkdtempSync(join(tmpdir(), 'tersor-method-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'quantize'));
writeFileSync(join(folder, 'quantize/truncate.ts'), METHOD.replaceAll('CORE', pathToFileURL(join(root, 'packages/tersor/src/core')).href));
const model = join(folder, 'model.onnx');
writeFileSync(model, '');
const { status, output } = await runNode(binOf('tsx'), ['tools/registry.ts', folder]);
const { METHODS }: { METHODS: Record<string, Declaration> } =
  status === 0 ? await import(pathToFileURL(join(folder, 'registry.gen.ts')).href) : { METHODS: {} };

it('is in the registry', () => {
  expect(output).toBe('');
  expect(Object.keys(METHODS)).toEqual(['truncate']);
});

it('is a command with help', async () => {
  const help = await runFake(['truncate', '--help'], {}, 100, METHODS);
  expect(help.out).toContain('tersor truncate [options] <model>');
  expect(help.out).toContain('--bits <integer 1..23>');
  const run = await runFake(['truncate', model, '--bits', '3'], {}, 100, METHODS);
  expect(run.calls.find(({ name }) => name === 'compress')?.args[1]).toMatchObject({ recipe: { steps: [{ use: 'truncate', bits: 3 }] } });
});

it('is listed, and has a page', async () => {
  expect((await runFake(['methods'], {}, 100, METHODS)).out).toContain('Keeps the leading bits of every fraction.');
  const method = METHODS.truncate;
  if (!method) throw new Error('not registered');
  expect(methodPage(method)).toContain('Bits of the fraction that are kept.');
  expect(methodsIndex([method])).toContain('truncate');
});

conformance(METHODS);
