import { expect, it } from 'vitest';
import { parseBytes, parseDuration, parseInteger, parseRatio, parseShare, parseSize, resolveSize } from '../../src/cli/quantities.ts';

it.each([
  ['25MB', { bytes: 25_000_000 }],
  ['300 kB', { bytes: 300_000 }],
  ['1.5GiB', { bytes: 1_610_612_736 }],
  ['.5mb', { bytes: 500_000 }],
  ['17B', { bytes: 17 }],
  ['25%', { share: 0.25 }],
  ['12.5 %', { share: 0.125 }],
])('size %s', (text, size) => expect(parseSize(text, '--max-size')).toEqual(size));

it.each(['25', '0MB', '0%', '101%', '-5MB', 'MB', '1e3MB', '25MBs', '5 5MB', '99999999TB', ''])('size %j is refused', (text) => {
  expect(() => parseSize(text, '--max-size')).toThrow(
    `--max-size: "${text}"\n  it takes a size with its unit, such as 25MB or 300kB, or a share of the original, such as 25% [OPTION_VALUE]`,
  );
});

it('a share is one of the original', () => {
  expect(resolveSize({ share: 0.25 }, 90_387_630)).toBe(22_596_907);
  expect(resolveSize({ bytes: 5 }, 90_387_630)).toBe(5);
});

it.each([
  ['1%', 0.01],
  ['0.01', 0.01],
  ['0', 0],
  ['100%', 1],
  ['0.5 %', 0.005],
])('drop %s', (text, drop) => expect(parseShare(text, '--max-drop')).toBeCloseTo(drop, 12));

it.each(['1', '2', '101%', '-1%', 'one', ''])('drop %j is refused', (text) => {
  expect(() => parseShare(text, '--max-drop')).toThrow('it takes a percentage such as 1%, or a share below 1 such as 0.01 [OPTION_VALUE]');
});

it.each([
  ['0.8x', 0.8],
  ['80%', 0.8],
  ['0.8', 0.8],
  ['1.1X', 1.1],
])('latency %s', (text, ratio) => expect(parseRatio(text, '--max-latency')).toBeCloseTo(ratio, 12));

it.each(['0x', '-1', '12ms', 'x', ''])('latency %j is refused', (text) => {
  expect(() => parseRatio(text, '--max-latency')).toThrow('it takes a ratio to the original, such as 0.8x or 80% [OPTION_VALUE]');
});

it('memory has no shares', () => {
  expect(parseBytes('500MB', '--max-memory')).toBe(500_000_000);
  expect(() => parseBytes('50%', '--max-memory')).toThrow('it takes a size with its unit, such as 500MB or 2GB');
});

it('a time has a unit, and timers end somewhere', () => {
  expect(['90s', '10m', '1.5h', '0.5 m'].map((text) => parseDuration(text, '--max-time'))).toEqual([90, 600, 5400, 30]);
  for (const text of ['10', '0s', '-5m', 'm', '30d', '9999999h'])
    expect(() => parseDuration(text, '--max-time')).toThrow('it takes a time with its unit, such as 90s, 10m or 1h');
});

it('whole numbers within bounds', () => {
  expect(parseInteger('0', '--seed', 0, 10)).toBe(0);
  for (const text of ['11', '-1', '1.5', '0x1', '1e1', ''])
    expect(() => parseInteger(text, '--seed', 0, 10)).toThrow('it takes a whole number from 0 to 10');
});
