import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openModel } from '../../src/compress/open-model.ts';
import { convert } from '../../src/convert.ts';
import { decode } from '../../src/core/decode.ts';
import { TINY_BERT, writeTinyLlama } from '../support/tiny-llama.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-convert-bert-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (...names: string[]) => join(folder, ...names);

const special = (content: string, id: number) => ({ content, id, special: true });
const WORDS = {
  added_tokens: [special('[UNK]', 0), special('[CLS]', 1), special('[SEP]', 2)],
  normalizer: { type: 'BertNormalizer', lowercase: true, strip_accents: null },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  model: { type: 'WordPiece', vocab: { '[UNK]': 0, '[CLS]': 1, '[SEP]': 2, un: 3, '##able': 4, ',': 5 } },
};
const SETTINGS = { unk_token: '[UNK]', cls_token: '[CLS]', sep_token: { content: '[SEP]' } };

it('BERT has a place in GGUF, its words and the way in which embeddings become one with it', async () => {
  const extra = new Float32Array(8);
  const weights = await writeTinyLlama(at('bert'), {
    config: TINY_BERT,
    tokenizer: WORDS,
    settings: SETTINGS,
    change: (all) => void all.set('pooler.dense.bias', extra),
  });
  mkdirSync(at('bert', '1_Pooling'));
  writeFileSync(at('bert', '1_Pooling', 'config.json'), '{ "word_embedding_dimension": 8, "pooling_mode_cls_token": true }');
  const recipe = { version: 1 as const, steps: [{ use: 'gguf', type: 'F16' }] };
  expect((await convert(at('bert'), { output: at('bert.gguf'), recipe })).leftOut).toEqual(['pooler.dense.bias']);
  const { model, close } = await openModel(at('bert.gguf'));
  expect(Object.fromEntries(model.meta.properties)).toMatchObject({
    'general.architecture': 'bert',
    'bert.attention.causal': 'false',
    'bert.pooling_type': '2',
    'bert.attention.layer_norm_epsilon': '1e-12',
    'tokenizer.ggml.model': 'bert',
    'tokenizer.ggml.token_type_count': '2',
    'tokenizer.ggml.token_type': '[3, 3, 3, 1, 1, 1]',
    'tokenizer.ggml.bos_token_id': '1',
    'tokenizer.ggml.cls_token_id': '1',
    'tokenizer.ggml.seperator_token_id': '2',
  });
  const dtypes = new Map([...model.weights.values()].map(({ id, dtype }) => [id, dtype]));
  expect([dtypes.get('position_embd.weight'), dtypes.get('token_types.weight'), dtypes.get('blk.0.attn_q.weight')]).toEqual([
    'f32',
    'f32',
    'f16',
  ]);
  const bias = await model.weights.get('blk.0.layer_output_norm.bias')?.load();
  expect(bias && decode(bias)).toEqual(weights.get('encoder.layer.0.output.LayerNorm.bias'));
  await close();
});

it('and what llama.cpp does otherwise is refused', async () => {
  const keeping = { ...WORDS, normalizer: { type: 'BertNormalizer', lowercase: false } };
  await writeTinyLlama(at('bert'), { config: TINY_BERT, tokenizer: keeping, settings: SETTINGS });
  await expect(convert(at('bert'), { output: at('bert.gguf') })).rejects.toThrow('tokenizer.json: keeps capitals or accents');
  await writeTinyLlama(at('bert'), { config: TINY_BERT, tokenizer: WORDS, settings: SETTINGS });
  mkdirSync(at('bert', '1_Pooling'));
  writeFileSync(at('bert', '1_Pooling', 'config.json'), '{ "pooling_mode_max_tokens": true }');
  await expect(convert(at('bert'), { output: at('bert.gguf') })).rejects.toThrow('1_Pooling/config.json: has pooling_mode_max_tokens');
});
