import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/core/nearest.ts';
import { boolean, integer, names, number, oneOf, parseOptions } from '../../src/core/options.ts';

const options = {
  bits: oneOf([2, 4, 8], { default: 4, doc: 'Bits per weight.' }),
  block: integer(16, 256, { default: 32, doc: 'Weights that share a scale.' }),
  damping: number(0, 1, { default: 0.01, doc: 'Damping.' }),
  symmetric: boolean({ default: false, doc: 'No zero points.' }),
};

describe('parseOptions', () => {
  it('fills in defaults and reads the text of flags', () => {
    expect(parseOptions('rtn', options, {})).toEqual({ bits: 4, block: 32, damping: 0.01, symmetric: false });
    expect(parseOptions('rtn', options, { bits: '8', block: '64', damping: '0.5', symmetric: 'true' })).toEqual({
      bits: 8,
      block: 64,
      damping: 0.5,
      symmetric: true,
    });
  });

  it('says what to do', () => {
    expect(() => parseOptions('rtn', options, { bit: 4 })).toThrow('rtn: no option "bit"\n  did you mean "bits"? [OPTION_UNKNOWN]');
    expect(() => parseOptions('rtn', options, { bits: 9 })).toThrow('rtn: bits = 9\n  it takes 2 | 4 | 8 [OPTION_VALUE]');
    expect(() => parseOptions('rtn', options, { block: '3x' })).toThrow('it takes integer 16..256');
    expect(() => parseOptions('rtn', options, { block: 16.5 })).toThrow('it takes integer 16..256');
    expect(() => parseOptions('rtn', options, { damping: '' })).toThrow('it takes number 0..1');
    expect(() => parseOptions('rtn', options, { symmetric: 'yes' })).toThrow('it takes true | false');
  });
});

describe('names', () => {
  const keep = names({ default: [], doc: 'Kept.' });

  it('reads lists, and text with commas', () => {
    expect(keep.parse(['Softmax', 'a/b'])).toEqual(['Softmax', 'a/b']);
    expect(keep.parse('Softmax, a/b,')).toEqual(['Softmax', 'a/b']);
  });

  it('takes nothing else', () => {
    expect([keep.parse([1]), keep.parse(7), keep.parse(undefined)]).toEqual([undefined, undefined, undefined]);
  });
});

describe('nearest', () => {
  it('finds a slip of the fingers and nothing far away', () => {
    expect(nearest('blok', ['block', 'bits'])).toBe('block');
    expect(nearest('lm_hed.weight', ['lm_head.weight', 'embed.weight'])).toBe('lm_head.weight');
    expect(nearest('xyz', ['block', 'symmetric'])).toBeUndefined();
  });
});
