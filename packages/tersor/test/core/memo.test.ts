import { expect, it } from 'vitest';
import { openMemo } from '../../src/core/memo.ts';

const sized = (bytes: number) => () => bytes;

it('computes once what it has room for, and forgets what was not asked for the longest', async () => {
  const memo = openMemo(100);
  let made = 0;
  const make = async () => ++made;
  expect(await memo.recall('a', make, sized(40))).toBe(1);
  expect(await memo.recall('b', make, sized(40))).toBe(2);
  expect(await memo.recall('a', make, sized(40))).toBe(1);
  expect(await memo.recall('c', make, sized(40))).toBe(3);
  expect(await memo.recall('a', make, sized(40))).toBe(1);
  expect(await memo.recall('b', make, sized(40))).toBe(4);
  expect(await memo.recall('large', make, sized(101))).toBe(5);
  expect(await memo.recall('large', make, sized(101))).toBe(6);
});

it('shares what is being computed, and forgets what failed', async () => {
  const memo = openMemo(100);
  let made = 0;
  const make = async () => ++made;
  expect(await Promise.all([memo.recall('a', make, sized(1)), memo.recall('a', make, sized(1))])).toEqual([1, 1]);
  const fail = () => Promise.reject(new Error('no'));
  await expect(memo.recall('b', fail, sized(1))).rejects.toThrow('no');
  expect(await memo.recall('b', make, sized(1))).toBe(2);
});
