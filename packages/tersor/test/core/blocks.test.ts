import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BLOCK_TYPE_IDS, BLOCK_TYPES, type BlockTypeId } from '../../src/core/blocks/block-types.ts';
import { decode } from '../../src/core/decode.ts';
import { bytesOf } from '../../src/core/layout.ts';

interface Case {
  readonly type: BlockTypeId;
  readonly count: number;
  readonly cleared: readonly number[];
  readonly first: string;
  readonly sha256: string;
}

/** Made by test/fixtures/make-gguf.py. */
const recorded: { readonly cases: readonly Case[] } = JSON.parse(
  readFileSync(new URL('../fixtures/gguf/blocks.json', import.meta.url), 'utf8'),
);

/** The bytes that the script made: a generator of 32 bits, its highest 8 each. */
function noise(seed: number, length: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

it('every type is recorded', () => {
  expect(recorded.cases.map(({ type }) => type).sort()).toEqual([...BLOCK_TYPE_IDS].sort());
});

describe.each(recorded.cases)('$type', ({ type, count, cleared, first, sha256 }) => {
  it("decodes to the values of ggml's own decoders", () => {
    const { values, bytes: size, number } = BLOCK_TYPES[type];
    const bytes = noise(number, count * size);
    for (let at = 0; at < bytes.length; at += size) for (const offset of cleared) bytes[at + offset]! &= 0xbf;
    const shape = [count, values];
    expect(bytesOf({ shape, layout: { kind: 'blocks', type } })).toBe(bytes.length);
    const decoded = decode({ kind: 'blocks', type, shape, bytes }).map((value) => value + 0); // zeros without signs
    const known = new Float32Array(new Uint8Array(Buffer.from(first, 'base64')).buffer);
    expect(decoded.subarray(0, values)).toEqual(known);
    expect(createHash('sha256').update(new Uint8Array(decoded.buffer)).digest('hex')).toBe(sha256);
  });
});
