import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compare } from '../src/compare.ts';
import { openModel } from '../src/compress/open-model.ts';
import { convert } from '../src/convert.ts';
import { decode } from '../src/core/decode.ts';
import { makeNode } from '../src/core/graph.ts';
import { onnx } from '../src/formats/onnx/onnx.ts';
import { openNodeStore } from '../src/io/node-store.ts';
import { openKernels } from '../src/kernels/open-kernels.ts';
import { handMade, tensorInfo } from './support/hand-made-model.ts';
import { TINY_CONFIG, TINY_TOKENIZER, type TinyLlama, writeCheckpoint, writeTinyLlama } from './support/tiny-llama.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-convert-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (...names: string[]) => join(folder, ...names);

/** Changes the last value of a checkpoint; returns whose it is. */
function withLastValue(path: string, value: number): string {
  const file = readFileSync(path);
  file.writeFloatLE(value, file.length - 4);
  writeFileSync(path, file);
  const header: Record<string, { readonly data_offsets: readonly number[] }> = JSON.parse(
    file.toString('utf8', 8, 8 + Number(file.readBigUInt64LE(0))),
  );
  return Object.keys(header).reduce((a, b) => ((header[b]?.data_offsets?.[1] ?? 0) > (header[a]?.data_offsets?.[1] ?? 0) ? b : a));
}

/** All values of a file by name, and its metadata. */
async function read(path: string) {
  const { model, close } = await openModel(path);
  const values = new Map<string, Float32Array>();
  for (const weight of model.weights.values()) values.set(weight.id, decode(await weight.load()));
  await close();
  return { values, shapes: new Map([...model.weights.values()].map(({ id, shape }) => [id, shape])), facts: model.meta.properties };
}

describe('a Hugging Face folder to GGUF', () => {
  it('has the names, facts and vocabulary of llama.cpp', async () => {
    const weights = await writeTinyLlama(at('tiny'), { settings: { eos_token: '<|end|>', chat_template: '{{ messages }}' } });
    const result = await convert(at('tiny'), { output: at('tiny.gguf') });
    expect(result).toMatchObject({ architecture: 'llama', leftOut: [], notes: [], output: { format: 'gguf' } });
    const { values, facts } = await read(at('tiny.gguf'));
    expect(Object.fromEntries(facts)).toMatchObject({
      'general.architecture': 'llama',
      'general.name': 'tiny',
      'general.file_type': '0',
      'llama.block_count': '2',
      'llama.context_length': '64',
      'llama.attention.head_count_kv': '1',
      'llama.attention.layer_norm_rms_epsilon': '0.00001',
      'llama.rope.dimension_count': '8',
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
      'tokenizer.ggml.tokens': '6 × string',
      'tokenizer.ggml.token_type': '[1, 1, 1, 1, 3, 5]',
      'tokenizer.ggml.merges': '1 × string',
      'tokenizer.ggml.bos_token_id': '4',
      'tokenizer.ggml.eos_token_id': '4',
      'tokenizer.ggml.add_bos_token': 'false',
      'tokenizer.chat_template': '{{ messages }}',
    });
    expect(readFileSync(at('tiny.gguf')).includes(Buffer.from('[PAD5]'))).toBe(true);
    expect(values.get('blk.1.ffn_down.weight')).toEqual(weights.get('model.layers.1.mlp.down_proj.weight'));
    expect(values.get('output.weight')).toEqual(weights.get('lm_head.weight'));
  });

  it('turns the rows of queries and keys within their heads', async () => {
    const weights = await writeTinyLlama(at('tiny'));
    await convert(at('tiny'), { output: at('tiny.gguf') });
    const { values } = await read(at('tiny.gguf'));
    const rowsOf = (floats: Float32Array | undefined) =>
      Array.from({ length: (floats?.length ?? 0) / 16 }, (_, row) => floats?.subarray(row * 16, (row + 1) * 16));
    const [was, is] = [rowsOf(weights.get('model.layers.0.self_attn.q_proj.weight')), rowsOf(values.get('blk.0.attn_q.weight'))];
    // heads of 8 rows: pairs (0, 4), (1, 5), ... come next to each other
    expect(is).toEqual([0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15].map((row) => was[row]));
    expect(rowsOf(values.get('blk.0.attn_k.weight'))).toEqual(
      [0, 4, 1, 5, 2, 6, 3, 7].map((row) => rowsOf(weights.get('model.layers.0.self_attn.k_proj.weight'))[row]),
    );
  });

  it('comes back as it was, by the names that it had', async () => {
    const weights = await writeTinyLlama(at('tiny'));
    await convert(at('tiny'), { output: at('tiny.gguf') });
    await convert(at('tiny.gguf'), { output: at('back.safetensors') });
    expect((await read(at('back.safetensors'))).values).toEqual(weights);
  });

  it('comes back as a folder, which makes the same file', async () => {
    const settings = { bos_token: '<|end|>', eos_token: '<|end|>', add_bos_token: true, chat_template: '{{ messages }}' };
    const rope = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16 };
    await writeTinyLlama(at('tiny'), { settings, config: { ...TINY_CONFIG, head_dim: 8, rope_scaling: rope } });
    await convert(at('tiny'), { output: at('first.gguf') });
    mkdirSync(at('back'));
    const { notes } = await convert(at('first.gguf'), { output: `${at('back', 'tiny')}/` });
    expect(notes).toEqual([]);
    expect(readdirSync(at('back', 'tiny')).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']);
    await convert(at('back', 'tiny'), { output: at('second.gguf') });
    expect(readFileSync(at('second.gguf'))).toEqual(readFileSync(at('first.gguf')));
    await expect(convert(at('first.gguf'), { output: at('back', 'tiny') })).rejects.toThrow('exists already');
    await convert(at('first.gguf'), { output: at('back', 'tiny'), force: true, type: 'BF16' });
    expect(readFileSync(at('back', 'tiny', 'config.json'), 'utf8')).toContain('"torch_dtype": "bfloat16"');
    for (const name of ['notes.txt', 'adapter.safetensors', 'labels.json']) {
      writeFileSync(at('back', 'tiny', name), 'mine');
      await expect(convert(at('first.gguf'), { output: at('back', 'tiny'), force: true })).rejects.toThrow(
        `holds "${name}", which is no earlier result`,
      );
      expect(readFileSync(at('back', 'tiny', name), 'utf8')).toBe('mine');
      rmSync(at('back', 'tiny', name));
    }
  });

  it('leaves queries and keys of Qwen2 in their order, and takes their biases', async () => {
    const config = { ...TINY_CONFIG, model_type: 'qwen2', tie_word_embeddings: true };
    const weights = await writeTinyLlama(at('tiny'), { config, change: (all) => void all.delete('lm_head.weight') });
    await convert(at('tiny'), { output: at('tiny.gguf') });
    const { values, facts } = await read(at('tiny.gguf'));
    expect(facts.get('general.architecture')).toBe('qwen2');
    expect(values.get('blk.0.attn_q.weight')).toEqual(weights.get('model.layers.0.self_attn.q_proj.weight'));
    expect(values.get('blk.1.attn_k.bias')).toEqual(weights.get('model.layers.1.self_attn.k_proj.bias'));
    expect(values.has('output.weight')).toBe(false);
  });

  it('rounds on the way, and says what', async () => {
    await writeTinyLlama(at('tiny'), { config: { ...TINY_CONFIG, hidden_size: 16 } });
    const recipe = { version: 1 as const, steps: [{ use: 'gguf', type: 'F16' }] };
    const { weights } = await convert(at('tiny'), { output: at('tiny.gguf'), recipe });
    expect(weights).toContainEqual(expect.objectContaining({ to: 'blk.0.attn_q.weight', before: 'f32', after: 'f16' }));
    expect((await read(at('tiny.gguf'))).facts.get('general.file_type')).toBe('1');
  });

  it.each([
    ['F16', 1e6],
    ['BF16', 3.4e38],
  ])('says which weight has a value that %s makes infinite', async (type, value) => {
    await writeTinyLlama(at('tiny'));
    const id = withLastValue(at('tiny', 'model.safetensors'), value);
    const recipe = { version: 1 as const, steps: [{ use: 'gguf', type, tensor: ['**=' + type] }] };
    await expect(convert(at('tiny'), { output: at('tiny.gguf'), recipe })).rejects.toMatchObject({
      code: 'LAYOUT',
      what: expect.stringContaining('too large'),
    });
    await expect(convert(at('tiny'), { output: at('tiny.safetensors'), type })).rejects.toMatchObject({ code: 'LAYOUT', where: id });
    expect(readdirSync(folder)).toEqual(['tiny']);
  });

  it('refuses GGUF whose metadata and weights contradict each other', async () => {
    await writeTinyLlama(at('tiny'));
    await convert(at('tiny'), { output: at('tiny.gguf') });
    const whole = readFileSync(at('tiny.gguf'));
    writeFileSync(at('lacks.gguf'), whole.toString('latin1').replaceAll('blk.1.ffn_up.weight', 'blk.1.ffn_xx.weight'), 'latin1');
    await expect(convert(at('lacks.gguf'), { output: at('back.safetensors') })).rejects.toThrow('blk.1.ffn_up.weight: is not in the file');
    const count = whole.indexOf('llama.block_count') + 'llama.block_count'.length + 4;
    whole.writeUInt32LE(whole.readUInt32LE(count) - 1, count);
    writeFileSync(at('more.gguf'), whole);
    await expect(convert(at('more.gguf'), { output: at('back.safetensors') })).rejects.toThrow(
      'is of a layer that block_count does not count',
    );
  });

  it('rounds GGUF that stays GGUF, of any family, and says so where nothing would change', async () => {
    await writeTinyLlama(at('tiny'));
    await convert(at('tiny'), { output: at('tiny.gguf') });
    await expect(convert(at('tiny.gguf'), { output: at('same.gguf') })).rejects.toThrow('is GGUF already, and nothing is asked to change');
    await expect(convert(at('tiny'), { output: at('same.safetensors') })).rejects.toThrow(
      'is safetensors already, and nothing is asked to change',
    );
    const recipe = { version: 1 as const, steps: [{ use: 'gguf', type: 'F16' }] };
    const strange = readFileSync(at('tiny.gguf'), 'latin1').replaceAll('llama', 'mamba');
    writeFileSync(at('strange.gguf'), strange, 'latin1');
    for (const name of ['tiny', 'strange']) {
      expect((await convert(at(`${name}.gguf`), { output: at('half.gguf'), recipe, force: true })).leftOut).toEqual([]);
      expect((await read(at('half.gguf'))).facts.get('general.file_type')).toBe('1');
    }
    expect((await convert(at('tiny'), { output: at('half.safetensors'), type: 'BF16' })).weights[0]).toMatchObject({ after: 'bf16' });
  });

  it('stretches positions as Llama 3.1 does', async () => {
    const rope = { rope_type: 'llama3', factor: 8, original_max_position_embeddings: 16, low_freq_factor: 1, high_freq_factor: 4 };
    await writeTinyLlama(at('tiny'), { config: { ...TINY_CONFIG, rope_scaling: rope } });
    await convert(at('tiny'), { output: at('tiny.gguf') });
    const factors = (await read(at('tiny.gguf'))).values.get('rope_freqs.weight');
    // waves of 2π and 63 positions and longer, of 16 that were trained with: between the limits 4 and 16, then beyond
    expect(factors?.[0]).toBeCloseTo(1 / ((1 - (16 / (2 * Math.PI) - 1) / 3) / 8 + (16 / (2 * Math.PI) - 1) / 3), 5);
    expect([...(factors ?? [])].slice(1)).toEqual([8, 8, 8]);
  });

  const words = { ...TINY_TOKENIZER, pre_tokenizer: null, decoder: null, normalizer: { type: 'Prepend', prepend: '▁' } };
  it('has vocabularies of SentencePiece with the order of merges as scores', async () => {
    const vocab = { '<unk>': 0, '<0x0A>': 1, a: 2, b: 3, ab: 5 };
    const tokenizer = { ...words, model: { type: 'BPE', byte_fallback: true, vocab, merges: ['b a', 'a b'] } };
    await writeTinyLlama(at('tiny'), { tokenizer, settings: { add_bos_token: true } });
    await convert(at('tiny'), { output: at('tiny.gguf') });
    expect(Object.fromEntries((await read(at('tiny.gguf'))).facts)).toMatchObject({
      'tokenizer.ggml.model': 'llama',
      'tokenizer.ggml.token_type': '[2, 6, 1, 1, 3, 1]',
      'tokenizer.ggml.scores': '[0, 0, 0, 0, 0, -1]',
      'tokenizer.ggml.add_space_prefix': 'true',
      'tokenizer.ggml.add_bos_token': 'true',
    });
  });

  const wrong: Readonly<Record<string, [TinyLlama, string]>> = {
    'another family': [
      { config: { ...TINY_CONFIG, model_type: 'mamba' } },
      'config.json: says that it is a model of type "mamba"\n  names and shapes are known for llama, mistral, mixtral, qwen2, qwen2_moe, qwen3, qwen3_moe, gemma, gemma2, gemma3_text, phi3, gpt2, bert [FILE_UNSUPPORTED]',
    ],
    'another activation': [{ config: { ...TINY_CONFIG, hidden_act: 'gelu' } }, 'config.json: hidden_act is "gelu"'],
    'no layers': [{ config: { ...TINY_CONFIG, num_hidden_layers: undefined } }, 'config.json: num_hidden_layers is missing'],
    'too many layers': [{ config: { ...TINY_CONFIG, num_hidden_layers: 2 ** 31 } }, 'config.json: its sizes do not go together'],
    'sizes of another model': [
      { config: { ...TINY_CONFIG, intermediate_size: 32 } },
      'model.layers.0.mlp.gate_proj.weight: [24,16], and config.json makes it [32,16]',
    ],
    'another vocabulary': [{ config: { ...TINY_CONFIG, vocab_size: 7 } }, 'token_embd.weight: has 6 tokens, and config.json has 7'],
    'odd heads': [{ config: { ...TINY_CONFIG, num_attention_heads: 16, num_key_value_heads: 8 } }, 'are not the rows of 16 heads'],
    'a missing weight': [{ change: (all) => void all.delete('model.norm.weight') }, 'model.norm.weight: is not in the checkpoint'],
    'a missing output': [{ change: (all) => void all.delete('lm_head.weight') }, 'lm_head.weight: is not in the checkpoint'],
    'a weight too many': [
      { change: (all) => void all.set('model.layers.0.adapter', new Float32Array(4)) },
      'model.layers.0.adapter: a llama in GGUF has no place for it',
    ],
    'positions of another kind': [
      { config: { ...TINY_CONFIG, rope_scaling: { type: 'longrope', factor: 2 } } },
      'config.json: scales positions by "longrope"',
    ],
    'tokens that the embedding has not': [
      { tokenizer: { ...TINY_TOKENIZER, added_tokens: [{ id: 6, content: 'x' }] } },
      'token "x" has number 6, and the embedding has 6 rows',
    ],
    'one number for two tokens': [
      { tokenizer: { ...TINY_TOKENIZER, added_tokens: [{ id: 2, content: 'x' }] } },
      'tokens "ab" and "x" have one number, 2',
    ],
    'words cut in another way': [
      {
        tokenizer: {
          ...TINY_TOKENIZER,
          pre_tokenizer: {
            type: 'Sequence',
            pretokenizers: [
              { type: 'Split', pattern: { Regex: '.' }, behavior: 'Isolated' },
              { type: 'ByteLevel', use_regex: false },
            ],
          },
        },
      },
      'cuts text into words in a way that is not known',
    ],
    'pieces of words': [
      { tokenizer: { ...TINY_TOKENIZER, model: { type: 'Unigram', vocab: [] } } },
      'tokenizer.json: is of type "Unigram"',
    ],
    'merges of three': [
      { tokenizer: { ...TINY_TOKENIZER, model: { ...TINY_TOKENIZER.model, merges: ['a b c'] } } },
      'tokenizer.json: merges "a b c"',
    ],
    'an end that is no token': [{ config: { ...TINY_CONFIG, eos_token_id: 60 } }, 'the eos token has number 60, and there are 6'],
  };
  it.each(Object.entries(wrong))('%s: says so, and leaves nothing', async (_, [files, message]) => {
    await writeTinyLlama(at('tiny'), files);
    await expect(convert(at('tiny'), { output: at('tiny.gguf') })).rejects.toThrow(message);
    expect(readdirSync(folder)).toEqual(['tiny']);
  });

  it('asks for what is not there', async () => {
    await writeTinyLlama(at('tiny'));
    rmSync(at('tiny', 'tokenizer.json'));
    await expect(convert(at('tiny'), { output: at('tiny.gguf') })).rejects.toThrow('holds no tokenizer.json');
    rmSync(at('tiny', 'config.json'));
    await expect(convert(at('tiny'), { output: at('tiny.gguf') })).rejects.toThrow('holds no config.json');
    writeFileSync(at('tiny', 'config.json'), '[1]');
    await expect(convert(at('tiny'), { output: at('tiny.gguf') })).rejects.toThrow('config.json: is no object');
    await expect(convert(at('tiny'), { output: at('tiny.onnx') })).rejects.toThrow('--into model.onnx');
    await expect(convert(at('tiny'), { output: at('tiny', 'model.safetensors'), force: true, type: 'F16' })).rejects.toThrow(
      'is the input itself',
    );
    await expect(convert(at('tiny'), { output: at('x.safetensors'), type: 'Q4_K' })).rejects.toThrow('safetensors takes F32 | F16 | BF16');
  });
});

/** As exporters of PyTorch write a linear layer, an embedding that is the output, too, and a Gemm: names of folded weights are made up. */
const EXPORTED = () =>
  handMade({
    nodes: [
      makeNode('Gather', ['m.embed.weight', 'ids'], ['x']),
      { ...makeNode('MatMul', ['x', 'onnx::MatMul_7'], ['h']), name: '/m/layers.0/proj/MatMul' },
      makeNode('Add', ['m.layers.0.proj.bias', 'h'], ['hb']),
      { ...makeNode('Gemm', ['hb', 'm.fc.weight', 'm.fc.bias'], ['g'], { transB: 1 }), name: '/m/fc/Gemm' },
      makeNode('MatMul', ['g', 'square.weight'], ['y']),
    ],
    weights: {
      'm.embed.weight': [6, 4],
      'onnx::MatMul_7': [4, 3],
      'm.layers.0.proj.bias': [3],
      'm.fc.weight': [5, 3],
      'm.fc.bias': [5],
      'square.weight': [5, 5],
      axes: [1n],
    },
    inputs: [tensorInfo('ids', 'i64', ['n'])],
    outputs: [tensorInfo('y', 'f32')],
  });

describe('ONNX', () => {
  beforeEach(async () => {
    const [store, kernels] = [openNodeStore(folder), await openKernels({ threads: 0 })];
    await onnx.write(EXPORTED(), store, 'exported.onnx', { target: 'node', kernels });
    await store.commit();
    await kernels.close();
  });

  it('becomes a checkpoint by the names and shapes of PyTorch', async () => {
    const result = await convert(at('exported.onnx'), { output: at('m.safetensors') });
    expect(result.leftOut).toEqual(['axes']);
    const [graph, checkpoint] = [await read(at('exported.onnx')), await read(at('m.safetensors'))];
    expect(Object.fromEntries(checkpoint.shapes)).toEqual({
      'm.embed.weight': [6, 4],
      'm.layers.0.proj.weight': [3, 4],
      'm.layers.0.proj.bias': [3],
      'm.fc.weight': [5, 3],
      'm.fc.bias': [5],
      'square.weight': [5, 5],
    });
    const [was, is] = [graph.values.get('onnx::MatMul_7') ?? [], checkpoint.values.get('m.layers.0.proj.weight') ?? []];
    expect(Array.from({ length: 12 }, (_, i) => was[(i % 4) * 3 + Math.floor(i / 4)])).toEqual([...is]);
    expect(checkpoint.values.get('m.fc.weight')).toEqual(graph.values.get('m.fc.weight'));
  });

  it('takes the weights of a checkpoint, whatever module it was in, and of another type', async () => {
    await convert(at('exported.onnx'), { output: at('m.safetensors') });
    const { values } = await read(at('m.safetensors'));
    const doubled = new Map([...values].map(([name, floats]) => [name.replace(/^m\./, 'encoder.m.'), floats.map((value) => 2 * value)]));
    await writeCheckpoint(at('doubled.safetensors'), doubled, (await read(at('m.safetensors'))).shapes);
    const result = await convert(at('doubled.safetensors'), { output: at('doubled.onnx'), into: at('exported.onnx') });
    expect(result.weights).toContainEqual({
      from: 'encoder.m.layers.0.proj.weight',
      to: 'onnx::MatMul_7',
      shape: [4, 3],
      before: 'f32',
      after: 'f32',
    });
    const [was, is] = [await read(at('exported.onnx')), await read(at('doubled.onnx'))];
    for (const [name, floats] of was.values) {
      const factor = name === 'axes' ? 1 : 2;
      expect(is.values.get(name), name).toEqual(floats.map((value) => factor * value));
    }
    await expect(convert(at('exported.onnx'), { output: at('x.safetensors'), into: at('exported.onnx') })).rejects.toThrow(
      'takes an ONNX model',
    );
  });

  it('refuses a checkpoint of another network', async () => {
    const shapes = new Map([
      ['m.fc.weight', [5, 4]],
      ['other', [2]],
    ]);
    await writeCheckpoint(at('other.safetensors'), new Map([['other', new Float32Array(2)]]), shapes);
    await expect(convert(at('other.safetensors'), { output: at('x.onnx'), into: at('exported.onnx') })).rejects.toThrow('[RULE_UNMATCHED]');
    await writeCheckpoint(at('other.safetensors'), new Map([['m.fc.weight', new Float32Array(20)]]), shapes);
    await expect(convert(at('other.safetensors'), { output: at('x.onnx'), into: at('exported.onnx') })).rejects.toThrow(
      'm.fc.weight: [5,4], and the graph has [5,3]',
    );
  });
});

describe('compare', () => {
  it('names weights that have values which are not finite in one of two files', async () => {
    await writeTinyLlama(at('tiny'));
    await convert(at('tiny'), { output: at('tiny.gguf') });
    const id = withLastValue(at('tiny', 'model.safetensors'), Number.NaN);
    const { weights } = await compare(at('tiny.gguf'), at('tiny'));
    expect(weights.flatMap(({ id, broken }) => (broken ? [[id, broken]] : []))).toEqual([[id, 1]]);
    expect(weights.find(({ broken }) => broken)).not.toHaveProperty('error');
  });

  it('finds the same weights in files of two formats, and how far they are apart', async () => {
    const weights = await writeTinyLlama(at('tiny'));
    await convert(at('tiny'), { output: at('tiny.gguf') });
    const same = await compare(at('tiny'), at('tiny.gguf'));
    expect([same.onlyInA, same.onlyInB, same.weights.length]).toEqual([[], [], weights.size]);
    expect(same.weights.every(({ error }) => error === 0)).toBe(true);
    const recipe = { version: 1 as const, steps: [{ use: 'gguf', type: 'F16' }] };
    await convert(at('tiny'), { output: at('half.gguf'), recipe });
    const { weights: halved } = await compare(at('half.gguf'), at('tiny'));
    const query = halved.find(({ id }) => id === 'model.layers.0.self_attn.q_proj.weight');
    expect(query).toMatchObject({ shape: [16, 16], before: 'f16', after: 'f32', bytesBefore: 512, bytesAfter: 1024 });
    expect(query?.error).toBeGreaterThan(1e-5);
    const { p50 = 0, p99 = 0, max = 0, bias = 1 } = query?.spread ?? {};
    expect([p50 > 0, p50 < p99, p99 <= max, Math.abs(bias) < max]).toEqual([true, true, true, true]);
  });
});
