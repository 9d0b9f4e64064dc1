import { describe, expect, it } from 'vitest';
import type { ValueInfo } from '../../src/core/graph.ts';
import { toFeeds } from '../../src/data/to-feeds.ts';
import { toValue } from '../../src/data/to-value.ts';

const info = (dtype: NonNullable<ValueInfo['dtype']>, shape?: ValueInfo['shape']): ValueInfo => ({
  name: 'x',
  dtype,
  ...(shape && { shape }),
});

describe('toValue', () => {
  it.each([
    [
      'nested numbers',
      [
        [1, 2],
        [3, 4],
      ],
      info('f32', [undefined, 2]),
      { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    ],
    ['a number for a scalar', 16000, info('i64', []), { dtype: 'i64', shape: [], data: BigInt64Array.of(16000n) }],
    [
      'a typed array without a shape',
      Float32Array.of(1, 2, 3),
      info('f32', ['N', 3]),
      { dtype: 'f32', shape: [1, 3], data: Float32Array.of(1, 2, 3) },
    ],
    ['bytes for floats', Uint8Array.of(0, 255), info('f32', [2]), { dtype: 'f32', shape: [2], data: Float32Array.of(0, 255) }],
    ['doubles for floats', Float64Array.of(0.1), info('f32', [1]), { dtype: 'f32', shape: [1], data: Float32Array.of(0.1) }],
    ['integers for wider ones', Int32Array.of(-5), info('i64', [1]), { dtype: 'i64', shape: [1], data: BigInt64Array.of(-5n) }],
    ['whole numbers for integers', [3, 4], info('i64', ['T']), { dtype: 'i64', shape: [2], data: BigInt64Array.of(3n, 4n) }],
    ['truth values', [true, false], info('bool', [2]), { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) }],
    ['numbers for halves', [1, -2], info('f16', [2]), { dtype: 'f16', shape: [2], data: Uint16Array.of(0x3c00, 0xc000) }],
    ['bits for halves', Uint16Array.of(0x3c00), info('f16', [1]), { dtype: 'f16', shape: [1], data: Uint16Array.of(0x3c00) }],
    [
      "another library's tensor",
      { type: 'float32', dims: [1, 2], data: Float32Array.of(1, 2) },
      info('f32', [1, 2]),
      { dtype: 'f32', shape: [1, 2], data: Float32Array.of(1, 2) },
    ],
    ['text', ['a', 'b'], info('string', [2]), { dtype: 'string', shape: [2], data: ['a', 'b'] }],
  ])('takes %s', (_, raw, wanted, expected) => {
    expect(toValue(raw, wanted, 'd')).toEqual(expected);
  });

  it.each([
    ['fractions for integers', [1.5], info('i64', [1]), 'd: x: expected i64, received 1.5, which it cannot hold'],
    ['numbers out of range', [300], info('u8', [1]), 'd: x: expected u8, received 300, which it cannot hold'],
    [
      'integers that floats round',
      Int32Array.of(2 ** 24 + 1),
      info('f32', [1]),
      'expected f32, received i32 16777217, which it cannot hold',
    ],
    ['ragged rows', [[1, 2], [3]], info('f32'), 'd: x: has rows of different lengths'],
    ['text for numbers', ['a'], info('f32', [1]), 'd: x: expected f32, received string'],
    ['nothing', null, info('f32'), 'd: x: received null'],
    ['a shape that lies', { data: [1, 2], shape: [3] }, info('f32'), 'd: x: the shape [3] asks for 3 elements, but there are 2'],
    [
      'a flat list for two open sizes',
      [1, 2, 3],
      info('f32', [2, 'H', 'W']),
      'd: x: expected f32 [2, H, W], received 3 elements without a shape',
    ],
  ])('refuses %s', (_, raw, wanted, message) => {
    expect(() => toValue(raw, wanted, 'd')).toThrow(message);
  });
});

describe('toFeeds', () => {
  const wanted = { inputs: [info('f32', [1, 2]), { name: 'sr', dtype: 'i64', shape: [] } as const], links: [] };

  it.each([
    ['a missing input', { x: [[1, 2]] }, 'd: has nothing for the input "sr"\n  the model takes x: f32 [1, 2], sr: i64 []'],
    ['an unknown input', { x: [[1, 2]], sr: 1, sz: 1 }, 'd: the model has no input "sz"\n  did you mean "sr"?'],
    ['a wrong rank', { x: [[[1, 2]]], sr: 1 }, 'd: x: expected f32 [1, 2], received f32 [1, 1, 2]'],
    ['a list', [1], 'd: expected one value per input, received a list'],
  ])('refuses %s', (_, raw, message) => {
    expect(() => toFeeds(raw, wanted, 'd')).toThrow(message);
  });
});
