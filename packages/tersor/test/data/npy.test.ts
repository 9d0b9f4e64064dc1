import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { parseNpy } from '../../src/data/npy.ts';
import { parseNpz } from '../../src/data/npz.ts';
import { floats, makeNpy, withHeader } from './make-npy.ts';

describe('parseNpy', () => {
  it('reads what numpy writes', () => {
    expect(parseNpy(makeNpy('<f4', [2, 3], floats(1, 2, 3, 4, 5, 6)), 'x')).toEqual({
      dtype: 'f32',
      shape: [2, 3],
      data: Float32Array.of(1, 2, 3, 4, 5, 6),
    });
    expect(parseNpy(makeNpy('<f4', [], floats(7), { version: 2 }), 'x')).toEqual({ dtype: 'f32', shape: [], data: Float32Array.of(7) });
    const longs = new Uint8Array(BigInt64Array.of(-1n, 2n ** 53n + 1n).buffer);
    expect(parseNpy(makeNpy('<i8', [2], longs), 'x').data).toEqual(BigInt64Array.of(-1n, 2n ** 53n + 1n));
    expect(parseNpy(makeNpy('|b1', [2], Uint8Array.of(1, 0)), 'x')).toEqual({ dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) });
  });

  it('turns column-major arrays and big-endian elements round', () => {
    expect(parseNpy(makeNpy('<f4', [2, 3], floats(1, 4, 2, 5, 3, 6), { fortran: true }), 'x').data).toEqual(
      Float32Array.of(1, 2, 3, 4, 5, 6),
    );
    expect(parseNpy(makeNpy('>i2', [2], Uint8Array.of(0x01, 0x02, 0xff, 0xff)), 'x').data).toEqual(Int16Array.of(0x0102, -1));
  });

  it('reads text', () => {
    const body = new Uint8Array(Uint32Array.of(104, 105, 0, 0x1f600, 0, 0).buffer);
    expect(parseNpy(makeNpy('<U3', [2], body), 'x')).toEqual({ dtype: 'string', shape: [2], data: ['hi', '😀'] });
  });

  it.each([
    ['no array', new TextEncoder().encode('hello world, hello'), /is not a numpy array/],
    ['cut off', makeNpy('<f4', [3], floats(1, 2)), /holds 8 bytes where 12 belong/],
    ['too long', makeNpy('<f4', [1], floats(1, 2)), /holds 8 bytes where 4 belong/],
    ['objects', makeNpy('|O', [1], floats(1)), /elements of type '\|O'[\s\S]*Python objects are not read/],
    ['an endless shape', makeNpy('<f4', [2 ** 40, 2 ** 40], floats(1)), /declares the shape/],
    [
      'code',
      withHeader("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,), }", floats(1)),
      /a header that numpy does not write/,
    ],
    ['a structure', withHeader("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", floats(1)), /structured array/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseNpy(bytes, 'file: x')).toThrow(message);
  });

  it('refuses a header length beyond the file', () => {
    const bytes = makeNpy('<f4', [1], floats(1));
    bytes[8] = 255;
    bytes[9] = 255;
    expect(() => parseNpy(bytes, 'x')).toThrow(/a header of 65535 bytes, which does not fit/);
  });
});

describe('parseNpz', () => {
  it('names arrays by their files', () => {
    const arrays = parseNpz(
      zipSync({ 'x.npy': makeNpy('<f4', [1], floats(1)), 'a/b.npy': makeNpy('<f4', [1], floats(2)), 'readme.txt': floats(0) }),
      'f.npz',
    );
    expect([...arrays.keys()]).toEqual(['x', 'a/b']);
  });

  it('refuses what is no zip, and what unpacks to too much', () => {
    expect(() => parseNpz(Uint8Array.of(1, 2, 3), 'f.npz')).toThrow('f.npz: is not an .npz file');
    const bomb = zipSync({ 'x.npy': new Uint8Array(1000) });
    const sizes = new DataView(bomb.buffer, bomb.byteOffset);
    // The declared size, in the central directory.
    for (let at = 0; at + 46 <= bomb.length; at++) if (sizes.getUint32(at, true) === 0x02014b50) sizes.setUint32(at + 24, 0x7fffffff, true);
    expect(() => parseNpz(bomb, 'f.npz')).toThrow(/unpacks to more than/);
  });
});
