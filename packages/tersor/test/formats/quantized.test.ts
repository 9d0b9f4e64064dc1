import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cast } from '../../src/convert/cast.ts';
import { inExactBlocks } from '../../src/convert/exact-blocks.ts';
import { decode } from '../../src/core/decode.ts';
import { mapWeights } from '../../src/core/model.ts';
import { isTarget } from '../../src/formats/safetensors/quantized/targets.ts';
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
  const id = name === 'gpt-oss-mxfp4' ? 'model.proj' : 'model.proj.weight';

  it('is one weight, with the values of the package', async () => {
    const model = await safetensors.open(openMemory(files), 'model.safetensors');
    expect([...model.weights.keys()].sort()).toEqual(['model.norm.weight', id]);
    const weight = model.weights.get(id);
    const decoded = weight ? decode(await weight.load()) : new Float32Array();
    // HQQ's zeros are no whole numbers
    expect(weight?.layout.kind).toBe(name.startsWith('hqq') ? 'dense' : 'affine');
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
    expect([...written.weights.keys()].sort()).toEqual(['model.norm.weight', id]);
  });
});

describe('what contradicts itself is said', () => {
  /** The fixture with other settings. */
  async function openWith(name: string, change: (settings: Record<string, unknown>) => void) {
    const { files } = load(name);
    const config = JSON.parse(new TextDecoder().decode(files['config.json']));
    change(config.quantization_config);
    return safetensors.open(openMemory({ ...files, 'config.json': new TextEncoder().encode(JSON.stringify(config)) }), 'model.safetensors');
  }

  it.each([
    ['gptq-4', { bits: 8 }, "model.proj.scales: is f16 [2,32], where the layer's settings make it f64 or f32 or f16 or bf16 [1,32]"],
    ['gptq-4', { bits: 5 }, 'quantization_config: bits is 5\n  known are 2, 3, 4, 8'],
    ['gptq-4', { group_size: 0 }, 'quantization_config: group_size is 0'],
    ['gptq-4', { quant_method: 'awq' }, 'model.proj.scales: is f16 [2,32]'],
    [
      'gptq-4',
      { quant_method: 'bitsandbytes' },
      'model.proj.qweight: is a part of a quantized layer, and not of the kind that quantization_config says: "bitsandbytes"',
    ],
    [
      'gptq-4',
      { quant_method: 'quip' },
      'quant_method is "quip"\n  known are gptq, awq, auto-round, bitsandbytes, compressed-tensors, fp8, hqq, mxfp4',
    ],
    ['gptq-4', { dynamic: { '-:.*': {} } }, 'has settings of single layers'],
    ['awq-4', { version: 'gemv' }, 'version is "gemv"\n  known are gemm'],
    ['ct-pack-4', { config_groups: {} }, 'has 0 config_groups'],
    ['ct-pack-4', { format: 'marlin-24' }, 'format is "marlin-24"'],
    ['fp8-block', { weight_block_size: [8] }, 'weight_block_size is [8]'],
  ])('%s with %j', async (name, settings, message) => {
    await expect(openWith(name, (all) => Object.assign(all, settings))).rejects.toThrow(message);
  });

  it('in values, too, when they are read', async () => {
    // without desc_act, groups are of neighbours
    const model = await openWith('gptq-4-act-order', (settings) => Object.assign(settings, { desc_act: false }));
    await expect(model.weights.get('model.proj.weight')?.load()).rejects.toThrow(
      /model\.proj\.g_idx: puts input \d+ into group \d, and desc_act is not set/,
    );
  });

  it('zero points, too', async () => {
    const model = await openWith('gptq-4-v2', (settings) => Object.assign(settings, { sym: true }));
    await expect(model.weights.get('model.proj.weight')?.load()).rejects.toThrow(
      /model\.proj\.qzeros: has a zero point of \d+, and sym is set/,
    );
  });

  it('layers go by the first group that means them', async () => {
    const model = await openWith('ct-pack-4', (settings) => {
      const groups = Object(settings.config_groups);
      settings.config_groups = {
        other: { ...groups.group_0, targets: ['re:.*\\.head$'], weights: { ...groups.group_0.weights, num_bits: 8 } },
        ...groups,
      };
    });
    expect(model.weights.get('model.proj.weight')?.layout).toMatchObject({ numeric: { bits: 4 }, block: 32 });
  });
});

it.each([
  ['Linear', 'model.layers.0.mlp', true],
  ['model.layers.0', 'model.layers.0', true],
  ['model.layers.0', 'model.layers.01', false],
  ['re:.*mlp.*', 'model.layers.0.mlp.up', true],
  ['re:mlp', 'model.mlp', false],
  ['re:model\\.layers\\..*\\.q_proj$', 'model.layers.7.self.q_proj', true],
  ['re:model\\.layers\\..*\\.q_proj$', 'model.layers.7.self.q_proj_x', false],
  ['re:^model.*down$', 'model.down', true],
  ['re:a.*b$', 'ab', true],
  ['re:a.*ab$', 'ab', false],
  [`re:${'.*a'.repeat(40)}b`, 'a'.repeat(5000), false],
])('%s means %s: %s', (target, module, means) => {
  expect(isTarget(target, module)).toBe(means);
});

it('a plain copy beside the config of quantized weights is what it is', async () => {
  const { files } = load('gptq-4');
  const [store, kernels] = [openMemory(files), await openKernels({ threads: 0 })];
  const model = await safetensors.open(store, 'model.safetensors');
  const dense = mapWeights(model, (weight) => cast(weight, 'f16', kernels));
  await safetensors.write(dense, store, 'plain.safetensors', { target: 'node', kernels });
  await store.commit();
  const plain = await safetensors.open(store, 'plain.safetensors');
  expect([...plain.weights.values()].map(({ id, layout }) => [id, layout])).toEqual(
    [
      ['model.proj.weight', { kind: 'dense', dtype: 'f16' }],
      ['model.norm.weight', { kind: 'dense', dtype: 'f16' }],
    ].sort(),
  );
  await kernels.close();
});

it('4 bits around zero have a block type of ggml, and lose nothing in it', async () => {
  const { files, values } = load('gptq-4');
  const model = await safetensors.open(openMemory(files), 'model.safetensors');
  const blocks = [...model.weights.values()].flatMap((weight) => inExactBlocks(weight) ?? []);
  expect(blocks.map(({ id, layout }) => [id, layout])).toEqual([['model.proj.weight', { kind: 'blocks', type: 'Q4_0' }]]);
  const tensor = await blocks[0]?.load();
  expect(tensor && decode(tensor)).toEqual(values);
  // zero points, or blocks of other lengths, have none
  for (const name of ['gptq-4-v2', 'gptq-4-act-order', 'awq-4', 'ct-pack-4']) {
    const other = await safetensors.open(openMemory(load(name).files), 'model.safetensors');
    expect([...other.weights.values()].flatMap((weight) => inExactBlocks(weight) ?? [])).toEqual([]);
  }
});
