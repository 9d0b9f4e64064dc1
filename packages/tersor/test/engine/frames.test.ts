import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame } from '../../src/engine/frames.ts';

/** As it arrives: in one piece, anywhere in memory. */
function joined(parts: readonly Uint8Array[], offset = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(offset + parts.reduce((sum, { length }) => sum + length, 0));
  let at = offset;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes.subarray(offset);
}

const arrays = fc.oneof(
  fc.float32Array(),
  fc.float64Array(),
  fc.int8Array(),
  fc.uint8Array(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
);

describe('frames', () => {
  it('carry messages with typed arrays, wherever they lie in memory', () => {
    const leaf = fc.oneof(arrays, fc.string(), fc.integer(), fc.boolean(), fc.constant(undefined), fc.constant(null));
    const message = fc.dictionary(fc.string(), fc.oneof(leaf, fc.array(leaf), fc.dictionary(fc.string(), leaf)));
    fc.assert(
      fc.property(message, fc.nat({ max: 9 }), (value, offset) => {
        expect(decodeFrame(joined(encodeFrame({ value }), offset))).toEqual({ value });
      }),
      { seed: 1 },
    );
  });

  it('keep undefined in lists, and take the buffers of Node for bytes', () => {
    expect(decodeFrame(joined(encodeFrame({ shape: [1, undefined, 'n'], data: Buffer.from('abc') })))).toEqual({
      shape: [1, undefined, 'n'],
      data: new Uint8Array(Buffer.from('abc')),
    });
  });

  it('that lie about their lengths are refused', () => {
    const frame = joined(encodeFrame({ data: new Float32Array(4) }));
    const text = Buffer.from(frame).toString('latin1').replace('"length":4', '"length":9');
    expect(() => decodeFrame(new Uint8Array(Buffer.from(text, 'latin1')))).toThrow('past the end');
    expect(() => decodeFrame(Uint8Array.of(255, 255, 255, 255, 1))).toThrow();
  });
});
