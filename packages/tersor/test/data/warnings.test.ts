import { describe, expect, it } from 'vitest';
import type { ValueInfo } from '../../src/core/graph.ts';
import { openData } from '../../src/data/open-data-node.ts';

const image: ValueInfo = { name: 'pixels', dtype: 'f32', shape: [1, 1, 8, 8] };
const other: ValueInfo = { name: 'feats', dtype: 'f32', shape: [1, 2] };
const mask: ValueInfo = { name: 'attention_mask', dtype: 'i64', shape: [1, 2] };

const picture = (byte: (index: number) => number) => Float32Array.from({ length: 64 }, (_, index) => byte(index));
const notes = async (feeds: readonly Record<string, unknown>[], inputs: readonly ValueInfo[]) => (await openData(feeds, inputs)).notes;

describe('warnings', () => {
  it('name inputs that never change, but for those that need not', async () => {
    const feeds = [1, 2, 3].map((x) => ({ pixels: picture((i) => (i * x) / 200), feats: [4, 5], attention_mask: [1, 1] }));
    expect(await notes(feeds, [image, other, mask])).toEqual(['feats is the same in all 3 samples']);
  });

  it('name samples that hold one number', async () => {
    const feeds = [0, 1, 2].map((x) => ({ pixels: picture((i) => (x === 0 ? 0.5 : (i * x) / 200)) }));
    expect(await notes(feeds, [image])).toEqual(['pixels is one and the same number throughout in 1 of 3 samples']);
  });

  it('name pictures in the range of bytes', async () => {
    const bytes = [1, 2].map((x) => ({ pixels: picture((i) => (i * x * 4) % 256) }));
    expect(await notes(bytes, [image])).toEqual([
      'pixels reaches 252, like bytes that were not scaled: right only for a model that scales them itself',
    ]);
    expect(
      await notes(
        bytes.map(({ pixels }) => ({ pixels: Uint8Array.from(pixels) })),
        [{ ...image, dtype: 'u8' }],
      ),
    ).toEqual([]);
    const normalised = [1, 2].map((x) => ({ pixels: picture((i) => ((i * x) % 7) - 3) }));
    expect(await notes(normalised, [image])).toEqual([]);
  });
});
