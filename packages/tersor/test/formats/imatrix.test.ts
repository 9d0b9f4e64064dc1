import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Importances } from '../../src/core/importances.ts';
import type { Source } from '../../src/core/source.ts';
import { encodeImatrix, mergeImportances, readImatrix } from '../../src/formats/gguf/imatrix.ts';
import { ggufBytes, tensor, u32, words } from '../support/gguf-bytes.ts';

const file = (name: string) => readFile(fileURLToPath(new URL(`../fixtures/gguf/${name}`, import.meta.url)));
const sourceOf = (bytes: Uint8Array): Source => ({
  name: 'imatrix',
  size: bytes.length,
  read: async (offset, length) => Uint8Array.from(bytes.subarray(offset, offset + length)),
});
const decoded = (bytes: Uint8Array) => readImatrix(sourceOf(bytes));
const valuesOf = ({ weights }: Importances, id: string) => [...(weights.get(id)?.meanSquares ?? [])];

let [now, old]: Importances[] = [];
beforeAll(async () => {
  [now, old] = [await decoded(await file('imatrix.gguf')), await decoded(await file('imatrix.dat'))];
});

it('reads both forms, which say the same', () => {
  expect(now).toMatchObject({ datasets: ['one.txt', 'two.txt'], chunks: 3, chunkTokens: 128 });
  expect(old).toMatchObject({ datasets: ['two.txt'], chunks: 3 });
  expect([...(now?.weights.keys() ?? [])]).toEqual(['blk.0.attn_v.weight', 'blk.0.ffn_down.weight', 'blk.0.ffn_up_exps.weight']);
  for (const id of ['blk.0.attn_v.weight', 'blk.0.ffn_down.weight']) {
    const [a, b] = [valuesOf(now!, id), valuesOf(old!, id)];
    expect(a.length).toBe(id.includes('attn') ? 512 : 96);
    a.forEach((value, i) => void expect(b[i]).toBeCloseTo(value, 6));
  }
});

it('counts the same what an expert never saw', () => {
  const experts = valuesOf(now!, 'blk.0.ffn_up_exps.weight');
  expect(experts.slice(32)).toEqual(new Array(32).fill(1));
  expect(new Set(experts.slice(0, 32)).size).toBe(32);
});

it('writes what it reads', async () => {
  const again = await decoded(encodeImatrix(now!, 'gguf'));
  expect(again).toMatchObject({ datasets: ['one.txt', 'two.txt'], chunks: 3, chunkTokens: 128 });
  for (const [id, { counts }] of now!.weights) {
    expect(again.weights.get(id)?.counts).toEqual(counts);
    valuesOf(now!, id).forEach((value, i) => void expect(valuesOf(again, id)[i]).toBeCloseTo(value, 6));
  }
  const bytes = encodeImatrix(old!, 'dat');
  expect(bytes.length).toBe((await file('imatrix.dat')).length);
  const [name] = old!.weights.keys();
  valuesOf(old!, name!).forEach((value, i) => void expect(valuesOf(now!, name!)[i]).toBeCloseTo(value, 6));
});

describe('several', () => {
  const of = (value: number, count: number, columns = 4): Importances => ({
    name: `of ${value}`,
    weights: new Map([['w', { meanSquares: new Float32Array(columns).fill(value), counts: [count] }]]),
    datasets: [`${value}.txt`],
    chunks: 1,
    chunkTokens: count,
  });

  it('are averaged by their tokens', () => {
    const { weights, datasets, chunks } = mergeImportances('both', [of(1, 100), of(4, 200)]);
    expect([...(weights.get('w')?.meanSquares ?? [])]).toEqual([3, 3, 3, 3]);
    expect(weights.get('w')?.counts).toEqual([300]);
    expect([datasets, chunks]).toEqual([['1.txt', '4.txt'], 2]);
  });

  it('of different models are refused', () => {
    expect(() => mergeImportances('both', [of(1, 100), of(4, 200, 5)])).toThrow(/of 4: w has 5 columns .*, and 4 .*\n.*\[DATA_INVALID\]/s);
  });
});

const i32 = (...values: number[]) => Buffer.concat(values.map((value) => u32(value)));
const text = (value: string) => Buffer.concat([i32(value.length), Buffer.from(value)]);
const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);
const pair = (value: string) => Buffer.concat([words('general.type'), i32(8), words(value)]);

describe('hostile files', () => {
  it.each([
    ['empty', Buffer.alloc(0), 'FILE_CORRUPT'],
    ['text', Buffer.from('once upon a time there was no matrix'), 'FILE_CORRUPT'],
    ['no entry', i32(0), 'FILE_CORRUPT'],
    ['2^31 entries', i32(0x7fffffff, 4), 'FILE_CORRUPT'],
    ['a long name', i32(1, 0x10000000), 'FILE_CORRUPT'],
    ['more values than bytes', Buffer.concat([i32(1), text('w'), i32(1, 1000), floats(1, 2)]), 'FILE_CORRUPT'],
    ['twice', Buffer.concat([i32(2), text('w'), i32(1, 1), floats(1), text('w'), i32(1, 1), floats(1)]), 'FILE_CORRUPT'],
    ['not a number', Buffer.concat([i32(1), text('w'), i32(1, 2), floats(1, Number.NaN)]), 'FILE_CORRUPT'],
    ['negative', Buffer.concat([i32(1), text('w'), i32(1, 2), floats(1, -1)]), 'FILE_CORRUPT'],
    ['a model', ggufBytes({ tensors: [tensor('w', [4])], data: 16 }), 'FILE_UNSUPPORTED'],
    ['sums of nothing', ggufBytes({ pairs: [pair('imatrix')], tensors: [tensor('w.in_sum2', [4])], data: 32 }), 'FILE_CORRUPT'],
    [
      'counts that do not divide',
      ggufBytes({ pairs: [pair('imatrix')], tensors: [tensor('w.in_sum2', [4]), tensor('w.counts', [1, 3], 32n)], data: 64 }),
      'FILE_CORRUPT',
    ],
  ])('%s', async (_, bytes, code) => {
    await expect(decoded(bytes)).rejects.toMatchObject({ code });
  });
});
