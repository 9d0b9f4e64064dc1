import { expect } from 'vitest';
import type { QuantizedBlocks } from '../../src/core/kernels.ts';

type Numbers = Float32Array | Float64Array | Uint16Array | Uint8Array;

/** Same type, length and bits: tells -0 from 0, and compares what `toEqual` would be slow at. */
export function sameBits(actual: Numbers | QuantizedBlocks, expected: Numbers | QuantizedBlocks): void {
  if ('bits' in actual && 'bits' in expected) sameBlocks(actual, expected);
  else if (ArrayBuffer.isView(actual) && ArrayBuffer.isView(expected)) sameArray(actual, expected);
  else throw new Error('an array against blocks');
}

function sameBlocks(actual: QuantizedBlocks, expected: QuantizedBlocks): void {
  expect(actual.bits).toBe(expected.bits);
  if ('peak' in expected) expect(actual).toHaveProperty('peak', expected.peak);
  sameArray(actual.scales, expected.scales);
  expect(actual.zeros === undefined).toBe(expected.zeros === undefined);
  if (actual.zeros && expected.zeros) sameArray(actual.zeros, expected.zeros);
  sameArray(actual.codes, expected.codes);
}

function sameArray(actual: Numbers, expected: Numbers): void {
  expect(actual.constructor.name).toBe(expected.constructor.name);
  expect(actual.length).toBe(expected.length);
  const [a, b] = [wordsOf(actual), wordsOf(expected)];
  const different = a.findIndex((word, i) => word !== b[i]);
  if (different >= 0) expect({ at: different, value: actual[different] }).toEqual({ at: different, value: expected[different] });
  expect(different).toBe(-1);
}

function wordsOf(array: Numbers): Uint8Array | Uint16Array | Uint32Array {
  const isWide = array instanceof Float32Array || array instanceof Float64Array;
  return isWide ? new Uint32Array(array.buffer, array.byteOffset, array.byteLength / 4) : array;
}
