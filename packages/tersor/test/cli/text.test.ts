import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bar } from '../../src/cli/text/bar.ts';
import { cut, padEnd, shorten, widthApart, widthOf, wrap } from '../../src/cli/text/width.ts';
import { printable } from '../../src/core/text/printable.ts';
import { bytesText, countText, durationText, millisecondsText, percentText, valueText } from '../../src/core/text/units.ts';

describe('units', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [204_321, '204 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [22_861_004, '22.9 MB'],
    [3_000_000_000, '3.00 GB'],
  ])('%i bytes', (bytes, text) => expect(bytesText(bytes)).toBe(text));

  it.each([
    [0, '0 ms'],
    [0.4, '400 ms'],
    [3.14, '3.1 s'],
    [9.96, '10 s'],
    [59.6, '1 min'],
    [61, '1 min 1 s'],
    [119.7, '2 min'],
    [3720, '1 h 2 min'],
  ])('%f seconds', (seconds, text) => expect(durationText(seconds)).toBe(text));

  it.each([
    [0, '0 %'],
    [0.00038, '0.038 %'],
    [0.253, '25.3 %'],
    [1, '100 %'],
    [-0.02, '-2.00 %'],
    [0.0000001, '1e-5 %'],
  ])('share %f', (share, text) => expect(percentText(share)).toBe(text));

  it('counts, milliseconds and values', () => {
    expect(countText(22_565_376)).toBe('22.6 M');
    expect(countText(12)).toBe('12');
    expect(millisecondsText(0.0412)).toBe('0.041 ms');
    expect(millisecondsText(1500)).toBe('1.5 s');
    expect(valueText(0.99962)).toBe('0.99962');
    expect(valueText(1)).toBe('1.0000');
    expect(valueText(0.5)).toBe('0.5000');
  });
});

describe('width', () => {
  const texts = fc.string({ unit: 'grapheme', maxLength: 40 });

  it('shortened text fits, whatever the alphabet', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 0, max: 30 }), (text, width) => {
        expect(widthOf(shorten(text, width))).toBeLessThanOrEqual(width);
        expect(widthOf(cut(text, width))).toBeLessThanOrEqual(width);
        if (widthOf(text) <= width) expect(shorten(text, width)).toBe(text);
      }),
    );
  });

  it('keeps both ends of a name', () => {
    expect(shorten('encoder.layer.11.attention.weight', 21)).toBe('encoder.la…ion.weight');
    expect(shorten('模型权重模型权重', 7)).toBe('模…权重');
    expect(cut('int8 per row', 8)).toBe('int8 pe…');
  });

  it('finds room in which names stay apart', () => {
    const names = [0, 1, 2].map((i) => `a/long/way/to/encoder.${i}.some_conv.weight`);
    expect(widthApart(names, 12, 40)).toBe(36);
    expect(new Set(names.map((name) => shorten(name, 35))).size).toBe(1);
    expect([widthApart(names, 12, 20), widthApart(['a', 'a'], 12, 20)]).toEqual([12, 12]);
  });

  it('pads by columns, not by characters', () => {
    expect(padEnd('权重', 6)).toBe('权重  ');
  });

  it('wraps at spaces and loses nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }), fc.integer({ min: 12, max: 40 }), (words, width) => {
        const lines = wrap(words.join(' '), width);
        expect(lines.join(' ')).toBe(words.join(' '));
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
      }),
    );
  });
});

it('a bar is as long as its share, and never empty for something', () => {
  expect(bar(0, 8)).toBe('');
  expect(bar(1, 8)).toBe('████████');
  expect(bar(2, 8)).toBe('████████');
  expect(bar(0.5, 8)).toBe('████');
  expect(bar(0.0001, 8)).toBe('▏');
  expect(bar(0.5 / 8, 8)).toBe('▌');
});

it('control characters become visible', () => {
  expect(printable('a\tb\u001b[2Jc\u202ed')).toBe('a\\x09b\\x1b[2Jc\\x202ed');
  expect(printable('naïve 权重 🦊')).toBe('naïve 权重 🦊');
});
