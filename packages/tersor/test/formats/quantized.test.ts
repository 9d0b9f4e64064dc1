import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decode } from '../../src/core/decode.ts';
import { safetensors } from '../../src/formats/safetensors/safetensors.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/quantized/', import.meta.url));

/** A checkpoint of one layer as a package of Python wrote it, and what the package decodes it to: fixtures/make-quantized.py. */
function load(name: string) {
  const read = (file: string) => new Uint8Array(readFileSync(join(FIXTURES, name, file)));
  const files = { 'config.json': read('config.json'), 'model.safetensors': read('model.safetensors') };
  return { files, values: new Float32Array(read('values.f32').buffer) };
}

describe.each(readdirSync(FIXTURES))('%s', (name) => {
  const { files, values } = load(name);

  it('is one weight, with the values of the package', async () => {
    const model = await safetensors.open(openMemory(files), 'model.safetensors');
    expect([...model.weights.keys()].sort()).toEqual(['model.norm.weight', 'model.proj.weight']);
    const weight = model.weights.get('model.proj.weight');
    const decoded = weight ? decode(await weight.load()) : new Float32Array();
    expect(weight?.layout.kind).toBe('affine');
    expect(weight?.shape.reduce((product, length) => product * length, 1)).toBe(values.length);
    // bitsandbytes multiplies integers by the largest of the row first, and rounds that
    if (name === 'bnb-int8') expect(decoded.findIndex((value, i) => Math.abs(value - values[i]!) > Math.abs(value) * 2 ** -22)).toBe(-1);
    else expect(decoded).toEqual(values);
  });

  it('is written as it was', async () => {
    const [store, kernels] = [openMemory(files), await openKernels({ threads: 0 })];
    const model = await safetensors.open(store, 'model.safetensors');
    const written = await safetensors.write(model, store, 'copy.safetensors', { target: 'node', kernels });
    await store.commit();
    await kernels.close();
    expect(store.files.get('copy.safetensors')).toEqual(files['model.safetensors']);
    expect(await safetensors.size(model, 'node')).toEqual(written);
    expect([...written.weights.keys()].sort()).toEqual(['model.norm.weight', 'model.proj.weight']);
  });
});
