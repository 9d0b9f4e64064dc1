import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { oneOf } from '../../src/core/options.ts';
import { FAKE_METHODS, runFake } from './fake-shell.ts';

const folder = mkdtempSync(join(tmpdir(), 'tersor-convert-command-'));
const model = join(folder, 'model.onnx');
writeFileSync(model, '');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('convert', () => {
  it('rounds by a recipe on the way to GGUF, and by a type alone elsewhere', async () => {
    const gguf = {
      gguf: { ...Object.values(FAKE_METHODS)[0]!, id: 'gguf', options: { type: oneOf(['Q8_0'], { default: 'Q8_0', doc: '' }) } },
    };
    const to = await runFake(['convert', model, 'x.GGUF', '--type', 'Q8_0', '-q', '--force'], {}, 80, gguf);
    expect(to.calls[0]).toMatchObject({
      name: 'convert',
      args: [model, { output: 'x.GGUF', force: true, recipe: { steps: [{ use: 'gguf', type: 'Q8_0' }] } }],
    });
    expect(to.out).toContain('model.norm.weight');
    const { calls } = await runFake(['convert', model, 'x.onnx', '--into', model, '--type', 'F16', '--json']);
    expect(calls[0]).toMatchObject({ args: [model, { output: 'x.onnx', into: model, type: 'F16' }] });
    expect(await runFake(['convert', model, 'x.safetensors', '--tensor', 'a=F16'])).toMatchObject({
      status: 2,
      err: expect.stringContaining('--tensor: is for GGUF'),
    });
  });
});
