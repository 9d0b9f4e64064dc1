import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { compress } from '../src/compress.ts';
import { convert } from '../src/convert.ts';
import type { Asked } from '../src/core/asked.ts';
import { makeNode } from '../src/core/graph.ts';
import { onnx } from '../src/formats/onnx/onnx.ts';
import { writeOnnx } from '../src/formats/onnx/write.ts';
import { openMemory } from '../src/io/memory-store.ts';
import { openNodeStore } from '../src/io/node-store.ts';
import { openKernels } from '../src/kernels/open-kernels.ts';
import { handMade, tensorInfo } from './support/hand-made-model.ts';

const LAYERS = ['a', 'b', 'c', 'd'];
/** Layers of a megabyte and more when they are halved: each is worth a mark. */
const model = handMade({
  nodes: LAYERS.map((name, i) => makeNode('MatMul', [i === 0 ? 'x' : `x${i}`, name], [i === 3 ? 'y' : `x${i + 1}`])),
  weights: Object.fromEntries(LAYERS.map((name) => [name, [768, 768]])),
  inputs: [tensorInfo('x', 'f32', ['n', 768])],
  outputs: [tensorInfo('y', 'f32')],
});

let folder = '';
const at = (name: string) => join(folder, name);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-resume-onnx-'));
  const [store, kernels] = [openNodeStore(folder), await openKernels({ threads: 0 })];
  await onnx.write(model, store, 'model.onnx', { target: 'node', kernels });
  await store.commit();
  await kernels.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const RECIPE = { version: 1 as const, steps: [{ use: 'fp16' }] };
const run = (name: string, asked: Asked = {}) => compress(at('model.onnx'), { recipe: RECIPE, output: at(name), verify: false, ...asked });

/** Aborts when more than half is written. */
function stopping(): Pick<Asked, 'resume' | 'signal' | 'onProgress'> {
  const controller = new AbortController();
  return {
    resume: true,
    signal: controller.signal,
    onProgress: ({ phase, done, total }) => phase === 'write' && done > total / 2 && controller.abort(),
  };
}

it('what a recipe makes of an ONNX model is gone on with, with the same bytes', async () => {
  await run('whole.onnx');
  await expect(run('out.onnx', stopping())).rejects.toMatchObject({ code: 'INTERRUPTED' });
  await expect(run('out.onnx', { resume: true, seed: 5 })).rejects.toThrow('is of another recipe');
  writeFileSync(at('data.txt'), 'other data');
  await expect(run('out.onnx', { resume: true, data: at('data.txt') })).rejects.toThrow('is of another');
  const { skipped } = await run('out.onnx', { resume: true });
  expect(skipped).toContainEqual({ about: 'resume', message: expect.stringMatching(/ MB of 4.72 MB were there already/) });
  expect(Buffer.compare(readFileSync(at('out.onnx')), readFileSync(at('whole.onnx')))).toBe(0);
  expect(readdirSync(folder).sort()).toEqual(['data.txt', 'model.onnx', 'out.onnx', 'whole.onnx']);
});

it('a search is none: it keeps what it measured', async () => {
  await expect(compress(at('model.onnx'), { output: at('out.onnx'), resume: true })).rejects.toThrow(
    'is for what a recipe makes of a model',
  );
});

it('weights are put into a graph again where that was interrupted', async () => {
  await convert(at('model.onnx'), { output: at('weights.safetensors') });
  const into = (name: string, asked: Pick<Asked, 'resume' | 'signal' | 'onProgress'> = {}) =>
    convert(at('weights.safetensors'), { output: at(name), into: at('model.onnx'), ...asked });
  await into('whole.onnx');
  await expect(into('out.onnx', stopping())).rejects.toMatchObject({ code: 'INTERRUPTED' });
  expect((await into('out.onnx', { resume: true })).notes).toContainEqual(expect.objectContaining({ about: 'resume' }));
  expect(Buffer.compare(readFileSync(at('out.onnx')), readFileSync(at('whole.onnx')))).toBe(0);
});

it('data beside a model is gone on with behind any weight of it', async () => {
  const whole = openMemory();
  await writeOnnx(model, whole, 'm.onnx', { externalAbove: 1000 });
  await whole.commit();
  const [data, main] = [whole.files.get('m.onnx_data'), whole.files.get('m.onnx')];
  const one = 768 * 768 * 4;
  for (const kept of [one, 3 * one, 4 * one]) {
    const rest: Record<string, Uint8Array[]> = { 'm.onnx_data': [], 'm.onnx': [] };
    const store = {
      ...openMemory(),
      create: async (name: string) => ({
        ...(name.endsWith('_data') && { kept }),
        write: async (bytes: Uint8Array) => void rest[name]?.push(bytes.slice()),
        close: async () => {},
      }),
    };
    await writeOnnx(model, store, 'm.onnx', { externalAbove: 1000 });
    expect(Buffer.compare(Buffer.concat(rest['m.onnx_data'] ?? []), data?.subarray(kept) ?? new Uint8Array()), String(kept)).toBe(0);
    expect(Buffer.compare(Buffer.concat(rest['m.onnx'] ?? []), main ?? new Uint8Array())).toBe(0);
  }
});
