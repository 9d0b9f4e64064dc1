import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compare } from '../../../src/compare.ts';
import { compress, plan } from '../../../src/compress.ts';
import { WRITABLE_BLOCKS } from '../../../src/core/blocks/block-types.ts';
import { decode, denseOf } from '../../../src/core/decode.ts';
import { describe as words } from '../../../src/core/describe.ts';
import { elementsOf } from '../../../src/core/dtype.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import type { Importances } from '../../../src/core/importances.ts';
import type { Context } from '../../../src/core/method.ts';
import type { Model, Weight } from '../../../src/core/model.ts';
import { parseOptions } from '../../../src/core/options.ts';
import { randomFor } from '../../../src/core/random.ts';
import { gguf as format } from '../../../src/formats/gguf/gguf.ts';
import { inspect } from '../../../src/inspect.ts';
import { openMemory } from '../../../src/io/memory-store.ts';
import { openKernels } from '../../../src/kernels/open-kernels.ts';
import gguf from '../../../src/methods/quantize/gguf.ts';
import { bytesIn, loadedByRows, pulledByRows } from '../../support/by-rows.ts';
import { smallGguf } from '../../support/small-model.ts';

/** A llama of some layers, without values. */
function llama(layers: number, facts: Readonly<Record<string, string>> = {}, row = 256): Model {
  const names = Array.from({ length: layers }, (_, i) =>
    ['attn_norm', 'attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'].map((part) => `blk.${i}.${part}.weight`),
  ).flat();
  const weight = (id: string): Weight => ({
    id,
    shape: id.includes('norm') ? [row] : [64, row],
    dtype: 'f32',
    layout: { kind: 'dense', dtype: 'f32' },
    load: () => Promise.reject(new Error('not to be loaded')),
  });
  const properties = new Map(
    Object.entries({ 'general.architecture': 'llama', 'llama.block_count': String(layers), 'llama.attention.head_count': '8', ...facts }),
  );
  const ids = ['token_embd.weight', ...names, 'output_norm.weight', ...(facts.output === undefined ? [] : ['output.weight'])];
  return {
    format: 'gguf',
    meta: { properties, producer: '', format: undefined },
    weights: new Map(ids.map((id) => [id, weight(id)])),
    execution: new Map(),
  };
}

async function applied(
  model: Model,
  raw: Readonly<Record<string, unknown>>,
  notes: string[] = [],
  importances?: Importances,
): Promise<Model> {
  const kernels = await openKernels({ threads: 0 });
  const context: Context = {
    scope: await findLayers(model),
    kernels,
    note: (about, message) => void notes.push(`${about}: ${message}`),
    random: (weight) => randomFor(0, weight),
    observed: async () => undefined,
    recall: (_, make) => make(),
    ...(importances && { importances: async () => importances }),
  };
  return gguf.apply(model, parseOptions('gguf', gguf.options, raw), context);
}

/** Types in words, layer by layer, of one kind of weight. */
async function typesOf(part: string, model: Model, raw: Readonly<Record<string, unknown>>, importances?: Importances): Promise<string> {
  const { weights } = await applied(model, raw, [], importances);
  return [...weights.values()].flatMap(({ id, layout }) => (id.includes(part) ? [words(layout)] : [])).join(' ');
}

describe('mixes', () => {
  it.each([
    // by llama.cpp's rules, worked out by hand: first and last eighth, and every third between
    ['Q4_K_M', 'attn_v', 'Q6_K Q4_K Q4_K Q6_K Q4_K Q4_K Q6_K Q6_K'],
    ['Q4_K_M', 'ffn_down', 'Q6_K Q4_K Q4_K Q6_K Q4_K Q4_K Q6_K Q6_K'],
    ['Q5_K_M', 'ffn_down', 'Q6_K Q5_K Q5_K Q6_K Q5_K Q5_K Q6_K Q6_K'],
    ['Q4_K_S', 'attn_v', 'Q5_K Q5_K Q5_K Q5_K Q4_K Q4_K Q4_K Q4_K'],
    ['Q4_K_S', 'ffn_down', 'Q5_K Q4_K Q4_K Q4_K Q4_K Q4_K Q4_K Q4_K'],
    ['Q3_K_M', 'attn_v', 'Q5_K Q5_K Q4_K Q4_K Q4_K Q4_K Q4_K Q4_K'],
    ['Q3_K_L', 'attn_output', 'Q5_K Q5_K Q5_K Q5_K Q5_K Q5_K Q5_K Q5_K'],
    ['Q2_K', 'ffn_down', 'Q3_K Q3_K Q3_K Q3_K Q3_K Q3_K Q3_K Q3_K'],
    ['Q2_K', 'attn_k.', 'Q2_K Q2_K Q2_K Q2_K Q2_K Q2_K Q2_K Q2_K'],
    ['IQ4_XS', 'ffn_down', 'Q5_K IQ4_XS IQ4_XS IQ4_XS IQ4_XS IQ4_XS IQ4_XS IQ4_XS'],
    ['IQ3_M', 'attn_v', 'Q4_K Q4_K Q4_K Q4_K Q4_K Q4_K Q4_K Q4_K'],
    ['IQ3_XS', 'ffn_up', 'IQ3_S IQ3_XXS IQ3_XXS IQ3_XXS IQ3_XXS IQ3_XXS IQ3_XXS IQ3_S'],
    ['IQ3_XXS', 'attn_q', 'IQ2_S IQ2_S IQ2_S IQ2_S IQ2_S IQ2_S IQ2_S IQ2_S'],
    ['IQ3_XXS', 'ffn_down', 'Q4_K Q3_K Q3_K Q3_K Q3_K Q3_K Q3_K Q3_K'],
    ['IQ2_M', 'ffn_down', 'IQ3_S IQ2_S IQ2_S IQ2_S IQ2_S IQ2_S IQ2_S IQ2_S'],
    ['IQ2_XXS', 'ffn_down', 'Q2_K IQ2_XXS IQ2_XXS IQ2_XXS IQ2_XXS IQ2_XXS IQ2_XXS IQ2_XXS'],
    ['IQ1_S', 'attn_output', 'IQ2_XXS IQ2_XXS IQ2_XXS IQ2_XXS IQ2_XXS IQ2_XXS IQ2_XXS IQ2_XXS'],
    ['MXFP4_MOE', 'ffn_up', 'Q8_0 Q8_0 Q8_0 Q8_0 Q8_0 Q8_0 Q8_0 Q8_0'],
    ['F16', 'ffn_up', 'f16 f16 f16 f16 f16 f16 f16 f16'],
  ])('%s: %s', async (type, part, expected) => {
    expect(await typesOf(part, llama(8), { type })).toBe(expected);
  });

  it('give more to values that many heads share, and to experts', async () => {
    const shared = { 'llama.attention.head_count_kv': '2' };
    expect(await typesOf('attn_v', llama(1, shared), { type: 'Q2_K' })).toBe('Q4_K');
    expect(await typesOf('attn_v', llama(1), { type: 'Q2_K' })).toBe('Q3_K');
    expect(await typesOf('attn_k.', llama(1, { 'llama.expert_count': '8' }), { type: 'Q4_K_M' })).toBe('Q8_0');
  });

  it('give more to the table that logits are made with', async () => {
    expect(await typesOf('token_embd', llama(1), { type: 'Q4_K_M' })).toBe('Q6_K');
    expect(await typesOf('token_embd', llama(1, { output: '' }), { type: 'Q4_K_M' })).toBe('Q4_K');
    expect(await typesOf('token_embd', llama(1, { output: '' }), { type: 'TQ2_0' })).toBe('Q4_K');
    expect(await typesOf('output.weight', llama(1, { output: '' }), { type: 'Q4_0' })).toBe('Q4_0 Q6_K');
    expect(await typesOf('output.weight', llama(1, { output: '' }), { type: 'Q8_0' })).toBe('Q8_0 Q8_0');
  });

  it('leave norms alone, and say what they are', async () => {
    const { weights, meta } = await applied(llama(1), { type: 'q5_k_m' });
    expect(weights.get('blk.0.attn_norm.weight')?.layout).toEqual({ kind: 'dense', dtype: 'f32' });
    expect(meta.properties.get('general.file_type')).toBe('17');
    expect(meta.properties.get('general.quantization_version')).toBe('2');
  });

  it.each([
    ['best', 'Q2_K_S', 96, 'IQ4_NL', 'Q2_K'],
    ['reference', 'Q2_K_S', 96, 'Q4_0', 'Q2_K'],
    ['best', 'Q4_K_S', 96, 'Q5_0', 'Q4_K'],
    ['reference', 'Q4_K_S', 96, 'Q5_0', 'Q4_K'],
    ['best', 'Q4_K_S', 40, 'f16', 'Q4_K'],
  ])('%s, %s: rows of %d get %s', async (search, type, row, expected, wanted) => {
    const notes: string[] = [];
    const { weights } = await applied(llama(1, {}, row), { type, search }, notes);
    const layout = weights.get('blk.0.ffn_up.weight')?.layout;
    expect(layout && words(layout)).toBe(expected);
    expect(notes.join()).toContain(`blk.0.ffn_up.weight: has rows of ${row} values, which ${wanted} cannot hold`);
  });
});

describe('single tensors', () => {
  it('get another type, the last that fits', async () => {
    const tensor = ['attn_v=Q8_0', 'blk.1.**=f16', 'blk.*.attn_k.weight=q6_k'];
    const { weights } = await applied(llama(2), { tensor });
    const type = (id: string) => words(weights.get(id)?.layout ?? { kind: 'dense', dtype: 'f64' });
    expect(type('blk.0.attn_v.weight')).toBe('Q8_0');
    expect(type('blk.1.attn_v.weight')).toBe('f16');
    expect(type('blk.1.attn_k.weight')).toBe('Q6_K');
  });

  it.each([
    ['attn_w=Q8_0', 'RULE_UNMATCHED', /none of 18 tensors/],
    ['attn_v=Q9_0', 'OPTION_VALUE', /did you mean "Q/],
    ['attn_v', 'OPTION_VALUE', /is not pattern=type/],
  ])('%s is refused', async (setting, code, says) => {
    await expect(applied(llama(2), { tensor: [setting] })).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
  });
});

const IMATRIX = fileURLToPath(new URL('../../fixtures/gguf/imatrix.gguf', import.meta.url));

describe('values that are too large for halves', () => {
  const withValue = (largest: number): Model => {
    const { weights, ...rest } = smallGguf().model;
    const [id, weight] = [...weights].find(([, { shape }]) => shape.length === 2 && shape[1]! % 256 === 0)!;
    const values = Float32Array.from({ length: elementsOf(weight.shape) }, (_, i) => (i === 5 ? largest : Math.sin(i)));
    return { ...rest, weights: new Map([[id, { ...weight, load: async () => denseOf(values, weight.shape) }]]) };
  };

  it.each(['Q8_0', 'Q4_1', 'Q4_K_M', 'Q6_K'])('are an error as %s, which names the weight', async (type) => {
    const [weight] = (await applied(withValue(1e36), { type })).weights.values();
    await expect(weight?.load()).rejects.toMatchObject({ code: 'LAYOUT', where: weight?.id, what: expect.stringContaining('1.00e+36') });
  });

  it('are none where a type has room for them', async () => {
    const [weight] = (await applied(withValue(1e6), { type: 'Q8_0' })).weights.values();
    expect(decode(await weight!.load())[5]).toBeCloseTo(1e6, -4);
  });
});

describe('importances', () => {
  const of = (weights: Record<string, number>): Importances => ({
    name: 'i.gguf',
    weights: new Map(Object.entries(weights).map(([id, length]) => [id, { meanSquares: new Float32Array(length).fill(1), counts: [1] }])),
    datasets: [],
    chunks: 0,
    chunkTokens: 0,
  });

  it('make a mix less careful, as in llama.cpp', async () => {
    const importances = of({ 'blk.0.ffn_down.weight': 256 });
    expect(await typesOf('ffn_down', llama(8), { type: 'Q4_0', imatrix: 'i' }, importances)).toBe(
      'Q4_1 Q4_0 Q4_0 Q4_0 Q4_0 Q4_0 Q4_0 Q4_0',
    );
    expect(await typesOf('ffn_down', llama(8), { type: 'IQ4_XS', imatrix: 'i' }, importances)).toMatch(/^IQ4_XS IQ4_XS/);
  });

  it.each([
    [
      { 'blk.0.ffn_dwn.weight': 256 },
      'RULE_UNMATCHED',
      /i.gguf: says nothing of the 8 weights .* such as blk.0.ffn_dwn.weight\n.*such as blk.0.ffn_down.weight/s,
    ],
    [{ 'blk.0.ffn_down.weight': 255 }, 'DATA_INVALID', /has 255 importances for blk.0.ffn_down.weight, which is \[64,256\] and needs 256/],
  ])('%j: refused', async (weights, code, says) => {
    const applying = applied(llama(1), { imatrix: 'i' }, [], of(weights));
    await expect(applying).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
  });
});

describe('rows by themselves', () => {
  const shape = [2, 5, 256]; // two experts
  const random = randomFor(1, 'rows');
  const values = Float32Array.from({ length: elementsOf(shape) }, () => random() + random() - 1);
  const meanSquares = Float32Array.from({ length: 512 }, () => 0.1 + random());
  const importances = { name: 'i', weights: new Map([['w', { meanSquares, counts: [1] }]]), datasets: [], chunks: 0, chunkTokens: 0 };
  const weight: Weight = {
    id: 'w',
    shape,
    dtype: 'f32',
    layout: { kind: 'dense', dtype: 'f32' },
    load: async () => denseOf(values, shape),
  };
  const model = loadedByRows({ ...llama(1), weights: new Map([['w', weight]]) });

  it.each(WRITABLE_BLOCKS.flatMap((type) => ['', 'imatrix'].map((imatrix) => [type, imatrix] as const)))(
    '%s %s: are rounded as in the whole weight',
    async (type, imatrix) => {
      const { weights } = await applied(model, { tensor: [`w=${type}`], imatrix }, [], importances);
      const rounded = weights.get('w');
      if (!rounded) throw new Error('it is gone');
      expect(words(rounded.layout)).toBe(type);
      expect(await pulledByRows(rounded, 3)).toEqual(bytesIn(await rounded.load()));
    },
  );
});

describe('a file', () => {
  let folder: string;
  let input: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-gguf-'));
    input = join(folder, 'small.gguf');
    const store = openMemory();
    const kernels = await openKernels({ threads: 0 });
    await format.write(smallGguf().model, store, 'small.gguf', { target: 'node', kernels });
    await store.commit();
    await writeFile(input, store.files.get('small.gguf') ?? new Uint8Array());
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const step = (options: object) => ({ version: 1 as const, steps: [{ use: 'gguf', ...options }] });

  it('becomes the largest mix that a size has room for', async () => {
    const output = join(folder, 'out.gguf');
    const bytesOf = async (type: string) => (await plan(input, { output, recipe: step({ type }) })).resultBytes ?? 0;
    const [more, less] = [await bytesOf('Q8_0'), await bytesOf('Q6_K')];
    expect(less).toBeLessThan(more);
    for (const size of [more, more - 1]) {
      const planned = await plan(input, { output, budget: { size } });
      const report = await compress(input, { output, force: true, budget: { size } });
      expect(report.recipe.steps).toMatchObject([{ use: 'gguf', type: size === more ? 'Q8_0' : 'Q6_K' }]);
      expect(report.recipe).toEqual(planned.recipe);
      expect(report.outcome).toBe('compressed');
      expect((await readFile(output)).length).toBe(size === more ? more : less);
    }
    await expect(compress(input, { output, force: true, budget: { size: 100 } })).rejects.toThrow(
      'nothing that was tried is as small as that: the smallest has',
    );
  });

  it('is written as planned, compares with its original, and is never rounded twice to the same', async () => {
    const [output, again] = [join(folder, 'q4.gguf'), join(folder, 'again.gguf')];
    const planned = await plan(input, { recipe: step({ type: 'Q4_K_M' }) });
    const { outcome, weights } = await compress(input, { output, recipe: step({ type: 'Q4_K_M' }) });
    expect(outcome).toBe('compressed');
    expect((await readFile(output)).length).toBe(planned.resultBytes);
    expect(weights.map(({ after }) => after)).toEqual(['Q4_K', 'Q6_K', 'Q8_0', 'f16', 'f32', 'Q6_K']);
    const errors = (await compare(input, output)).weights.map(({ error = 0 }) => error);
    expect(errors.map((error) => error.toFixed(2))).toEqual(['0.07', '0.02', '0.00', '0.00', '0.00', '0.02']);
    const { metadata } = await inspect(output);
    expect(metadata).toMatchObject({ 'general.file_type': '15', 'general.quantization_version': '2', 'llama.block_count': '1' });

    // larger or the same: every block is copied
    await compress(output, { output: again, recipe: step({ type: 'Q8_0' }), keep: true });
    await compress(output, { output: join(folder, 'third.gguf'), recipe: step({ type: 'Q3_K_S' }) });
    const [first, second, third] = await Promise.all(['q4', 'again', 'third'].map((name) => inspect(join(folder, `${name}.gguf`))));
    expect(second?.weights).toEqual(first?.weights);
    expect(third?.weights.map(({ layout }) => layout)).toEqual(['Q3_K', 'Q3_K', 'IQ4_NL', 'f16', 'f32', 'Q6_K']);
    expect(first?.weights.map(({ layout }) => layout)).toEqual(['Q4_K', 'Q6_K', 'Q8_0', 'f16', 'f32', 'Q6_K']);
    expect((await compare(output, join(folder, 'third.gguf'))).weights.find(({ id }) => id === 'output.weight')?.error).toBe(0);
  });

  it('is rounded by an imatrix file, which it then names', async () => {
    const output = join(folder, 'weighted.gguf');
    const { skipped } = await compress(input, { output, recipe: step({ type: 'Q4_0', imatrix: IMATRIX }), keep: true });
    expect(skipped.map(({ message }) => message).join()).toContain('says nothing of 2 of 4 weights');
    const { metadata } = await inspect(output);
    expect(metadata).toMatchObject({
      'quantize.imatrix.file': IMATRIX,
      'quantize.imatrix.dataset': 'one.txt',
      'quantize.imatrix.entries_count': '3',
      'quantize.imatrix.chunks_count': '3',
    });
    const plain = join(folder, 'plain.gguf');
    await compress(input, { output: plain, recipe: step({ type: 'Q4_0' }), keep: true });
    const changed = (await compare(plain, output)).weights.filter(({ error = 0 }) => error > 0).map(({ id }) => id);
    expect(changed).toEqual(['blk.0.attn_v.weight', 'blk.0.ffn_down.weight']);
  });

  it('of another format is refused', async () => {
    const model = join(folder, 'm.safetensors');
    await writeFile(model, Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]));
    await expect(compress(model, { output: join(folder, 'x.safetensors'), recipe: step({}) })).rejects.toThrow(
      'steps[0] gguf: is for gguf, and the model is safetensors',
    );
  });
});
