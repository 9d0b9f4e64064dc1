import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ValueInfo } from '../../src/core/graph.ts';
import { openData } from '../../src/data/open-data-node.ts';

/** A WordPiece tokenizer of ten words, as BERT's file has it. */
const TOKENIZER = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]'].map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)],
    pair: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0), sequence('B', 1), special('[SEP]', 1)],
    special_tokens: Object.fromEntries(
      [
        ['[CLS]', 2],
        ['[SEP]', 3],
      ].map(([id, code]) => [id, { id, ids: [code], tokens: [id] }]),
    ),
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: { '[PAD]': 0, '[UNK]': 1, '[CLS]': 2, '[SEP]': 3, the: 4, quick: 5, fox: 6, sleep: 7, '##s': 8, dog: 9 },
  },
};
const SETTINGS = { tokenizer_class: 'BertTokenizer', pad_token: '[PAD]', model_max_length: 7 };

const ids: ValueInfo = { name: 'input_ids', dtype: 'i64', shape: ['batch', 'sequence'] };
const mask: ValueInfo = { name: 'attention_mask', dtype: 'i64', shape: ['batch', 'sequence'] };
const segments: ValueInfo = { name: 'token_type_ids', dtype: 'i64', shape: ['batch', 'sequence'] };
const bert = [ids, mask, segments];

let folder = '';
const path = (name: string) => join(folder, name);
const model = () => path('bert/model.onnx');

function special(id: string, type: number) {
  return { SpecialToken: { id, type_id: type } };
}

function sequence(id: string, type: number) {
  return { Sequence: { id, type_id: type } };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-text-'));
  await mkdir(path('bert/onnx'), { recursive: true });
  await mkdir(path('bad'));
  await writeFile(path('bert/tokenizer.json'), JSON.stringify(TOKENIZER));
  await writeFile(path('bert/tokenizer_config.json'), JSON.stringify(SETTINGS));
  await writeFile(path('bad/tokenizer.json'), '{"model": {"type": "Nothing"}}');
  await writeFile(path('lines.txt'), 'The fox sleeps\r\nthe dog\n\nThe FOX sleeps\n'.replace('\n\n', '\n'));
  await writeFile(path('paragraphs.txt'), 'the quick\nfox\n\nthe dog\n \ndog\n');
  await writeFile(path('long.txt'), 'the quick fox the quick fox\n');
  await writeFile(path('pairs.jsonl'), '{"text": "the fox", "text_pair": "dog"}\n\n{"text": "fox", "text_pair": "the the the the"}\n');
  await writeFile(path('feeds.jsonl'), '{"x": [[1, 2]]}\n{"x": [[3, 4]]}\n{"x": [[1, 2]]}\n[{"x": [[5, 6]]}, {"x": [[7, 8]]}]\n');
  await writeFile(path('broken.jsonl'), '{"text": "fox"}\n{"text": \n');
  await writeFile(path('empty.txt'), ' \n\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const read = async (name: string, inputs: readonly ValueInfo[], options = {}) => {
  const { samples, notes } = await openData(path(name), inputs, { model: model(), ...options });
  const rows = samples.map(({ steps }) =>
    steps.map((feeds) => Object.fromEntries(Object.entries(feeds).map(([input, { data }]) => [input, Array.from(data, Number)]))),
  );
  return { rows, notes, samples };
};

describe('text', () => {
  it('is a sample a line, with special tokens, in the shapes that the model takes; the same text twice is once', async () => {
    const { rows, notes, samples } = await read('lines.txt', bert);
    expect(rows).toEqual([
      [{ input_ids: [2, 4, 6, 7, 8, 3], attention_mask: [1, 1, 1, 1, 1, 1], token_type_ids: [0, 0, 0, 0, 0, 0] }],
      [{ input_ids: [2, 4, 9, 3], attention_mask: [1, 1, 1, 1], token_type_ids: [0, 0, 0, 0] }],
    ]);
    expect(samples[0]?.steps[0]?.input_ids?.shape).toEqual([1, 6]);
    expect(notes).toEqual([
      'lines.txt: 3 lines, a sample each',
      '1 exact duplicate is left out',
      'input_ids (tokens), attention_mask (mask), token_type_ids (segments) from tokenizer.json, batch of 1, at most 7 tokens',
    ]);
  });

  it('is a sample a paragraph where blank lines stand between', async () => {
    const { rows } = await read('paragraphs.txt', [ids]);
    expect(rows.map(([step]) => step?.input_ids)).toEqual([
      [2, 4, 5, 6, 3],
      [2, 4, 9, 3],
      [2, 9, 3],
    ]);
  });

  it('is cut so that the special tokens stay, and filled up to a fixed length', async () => {
    const { rows, notes } = await read('long.txt', [ids]);
    expect(rows[0]?.[0]?.input_ids).toEqual([2, 4, 5, 6, 4, 5, 3]);
    expect(notes).toContain('1 of 1 texts are cut at 7 tokens');
    const wide = [ids, mask].map((info) => ({ ...info, shape: [1, 9] }));
    expect((await read('long.txt', wide)).rows[0]?.[0]).toEqual({
      input_ids: [2, 4, 5, 6, 4, 5, 3, 0, 0],
      attention_mask: [1, 1, 1, 1, 1, 1, 1, 0, 0],
    });
    const narrow = [{ ...ids, shape: ['batch', 4] }];
    expect((await read('long.txt', narrow)).rows[0]?.[0]?.input_ids).toEqual([2, 4, 5, 3]);
  });

  it('comes in pairs from .jsonl, whose longer half gives way', async () => {
    expect((await read('pairs.jsonl', [ids, segments])).rows).toEqual([
      [{ input_ids: [2, 4, 6, 3, 9, 3], token_type_ids: [0, 0, 0, 0, 1, 1] }],
      [{ input_ids: [2, 6, 3, 4, 4, 4, 3], token_type_ids: [0, 0, 0, 1, 1, 1, 1] }],
    ]);
  });

  it('starts a decoder with an empty past', async () => {
    const past: ValueInfo = { name: 'past_key_values.0.key', dtype: 'f32', shape: ['batch', 2, 'past', 4] };
    const present: ValueInfo = { name: 'present.0.key', dtype: 'f32', shape: ['batch', 2, 'all', 4] };
    const positions: ValueInfo = { name: 'position_ids', dtype: 'i64', shape: ['batch', 'sequence'] };
    const cache: ValueInfo = { name: 'use_cache_branch', dtype: 'bool', shape: [1] };
    const { rows, samples } = await read('long.txt', [ids, mask, positions, past, cache], { outputs: [present] });
    // most of the text at once, then its last tokens one by one
    expect(rows[0]?.map((step) => step.position_ids)).toEqual([[0, 1, 2], [3], [4], [5], [6]]);
    expect(rows[0]?.map((step) => [step.attention_mask?.length, step.use_cache_branch?.[0]])).toEqual([
      [3, 0],
      [4, 1],
      [5, 1],
      [6, 1],
      [7, 1],
    ]);
    expect(samples[0]?.steps[0]?.['past_key_values.0.key']?.shape).toEqual([1, 2, 0, 4]);
  });

  it('finds the tokenizer above a folder called onnx', async () => {
    expect((await read('long.txt', [ids], { model: path('bert/onnx/model.onnx') })).rows).toHaveLength(1);
  });

  it('takes the same samples for the same seed', async () => {
    await writeFile(
      path('many.txt'),
      Array.from({ length: 50 }, (_, i) => 'the '.repeat(i % 5) + 'fox '.repeat(Math.floor(i / 5) % 3)).join('.\n'),
    );
    const once = await read('many.txt', [ids], { samples: 4, seed: 3 });
    expect(once.samples).toHaveLength(4);
    expect(await read('many.txt', [ids], { samples: 4, seed: 3 })).toEqual(once);
    expect((await read('many.txt', [ids], { samples: 4, seed: 4 })).rows).not.toEqual(once.rows);
    expect(once.notes).toContain('4 of 50 samples are used');
  });

  it.each([
    ['lines.txt', [ids], { model: path('none/model.onnx') }, 'tokenizer.json: is needed to turn text into tokens'],
    [
      'lines.txt',
      [{ name: 'x', dtype: 'f32', shape: [1, 3, 8, 8] }],
      {},
      'lines.txt: the input x: f32 [1, 3, 8, 8] cannot be made from text',
    ],
    ['broken.jsonl', [ids], {}, 'broken.jsonl:2: is not JSON'],
    ['empty.txt', [ids], {}, 'empty.txt: holds no samples'],
  ] as const)('says what is wrong with %s', async (name, inputs, options, message) => {
    await expect(read(name, inputs, options)).rejects.toThrow(message);
  });

  it('says when a tokenizer is none', async () => {
    await expect(read('lines.txt', [ids], { model: path('bad/model.onnx') })).rejects.toThrow(
      expect.objectContaining({ code: 'DATA_INVALID', where: 'tokenizer.json' }),
    );
  });
});

it('takes feeds from .jsonl, and lists of them as sequences', async () => {
  const x: ValueInfo = { name: 'x', dtype: 'f32', shape: ['N', 2] };
  const { rows, notes } = await read('feeds.jsonl', [x]);
  expect(rows).toEqual([[{ x: [1, 2] }], [{ x: [3, 4] }], [{ x: [5, 6] }, { x: [7, 8] }]]);
  expect(notes).toEqual(['1 exact duplicate is left out']);
});
