import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compare } from '../../src/compare.ts';
import { makeNode } from '../../src/core/graph.ts';
import { onnx } from '../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { handMade, tensorInfo } from '../support/hand-made-model.ts';

/** A decoder of one layer with a cache, as optimum exports them: its mask has to be as long as the cache and the new tokens together. */
const DECODER = handMade({
  opset: 17,
  inputs: [
    tensorInfo('input_ids', 'i64', ['batch', 'sequence']),
    tensorInfo('attention_mask', 'i64', ['batch', 'past_sequence + sequence']),
    tensorInfo('position_ids', 'i64', ['batch', 'sequence']),
    tensorInfo('past_key_values.0.key', 'f32', ['batch', 1, 'past_sequence', 16]),
    tensorInfo('past_key_values.0.value', 'f32', ['batch', 1, 'past_sequence', 16]),
  ],
  outputs: [
    tensorInfo('logits', 'f32', ['batch', 'sequence', 50]),
    tensorInfo('present.0.key', 'f32', ['batch', 1, 'total', 16]),
    tensorInfo('present.0.value', 'f32', ['batch', 1, 'total', 16]),
  ],
  weights: { table: [50, 16], places: [200, 16], wq: [16, 16], wk: [16, 16], wv: [16, 16], wo: [16, 50], one: [1n], 'one.two': [1n, 2n] },
  nodes: [
    makeNode('Gather', ['table', 'input_ids'], ['words']),
    makeNode('Gather', ['places', 'position_ids'], ['where']),
    makeNode('Add', ['words', 'where'], ['x']),
    ...(['q', 'k', 'v'] as const).flatMap((name) => [
      makeNode('MatMul', ['x', `w${name}`], [`${name}3`]),
      makeNode('Unsqueeze', [`${name}3`, 'one'], [name]),
    ]),
    makeNode('Concat', ['past_key_values.0.key', 'k'], ['present.0.key'], { axis: 2 }),
    makeNode('Concat', ['past_key_values.0.value', 'v'], ['present.0.value'], { axis: 2 }),
    makeNode('Transpose', ['present.0.key'], ['kt'], { perm: [0, 1, 3, 2] }),
    makeNode('MatMul', ['q', 'kt'], ['scores']),
    makeNode('Cast', ['attention_mask'], ['mask'], { to: 1 }),
    makeNode('Log', ['mask'], ['hidden']),
    makeNode('Unsqueeze', ['hidden', 'one.two'], ['hidden4']),
    makeNode('Add', ['scores', 'hidden4'], ['masked']),
    makeNode('Softmax', ['masked'], ['weights'], { axis: -1 }),
    makeNode('MatMul', ['weights', 'present.0.value'], ['mixed']),
    makeNode('Squeeze', ['mixed', 'one'], ['mixed3']),
    makeNode('MatMul', ['mixed3', 'wo'], ['logits']),
  ],
});

let folder = '';
let path = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-decoder-'));
  path = join(folder, 'decoder.onnx');
  const store = openMemory();
  const kernels = await openKernels({ threads: 1 });
  await onnx.write(DECODER, store, 'decoder.onnx', { target: 'node', kernels });
  await kernels.close();
  await store.commit();
  const file = await store.open('decoder.onnx');
  await writeFile(path, await file.read(0, file.size));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('a decoder with a cache is run over a prompt and tokens after it, made up', async () => {
  const { quality } = await compare(path, path, { samples: 2 });
  const logits = quality?.outputs.find(({ name }) => name === 'logits');
  expect(quality?.outputs.map(({ name }) => name)).toEqual(['logits']);
  // lengths vary; every sample has three single tokens after its prompt
  expect(logits?.decisions).toBeGreaterThan(2 * (1 + 3));
  expect(quality?.value).toBe(1);
});

it('and over the tokens of a text', async () => {
  const vocab = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`w${i}`, i]));
  const tokenizer = {
    model: { type: 'WordLevel', vocab, unk_token: 'w0' },
    pre_tokenizer: { type: 'Whitespace' },
    normalizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
  };
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(join(folder, 'texts.txt'), 'w1 w2 w3 w4 w5 w6 w7 w8\nw9 w8\nw7\n');
  const { quality } = await compare(path, path, { data: join(folder, 'texts.txt') });
  expect(quality).toMatchObject({ samples: 3, decisions: 8 + 2 + 1, value: 1, evidence: 'data' });
});
