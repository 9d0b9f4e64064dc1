import { expect, it } from 'vitest';
import type { Sample } from '../../src/core/samples.ts';
import { subsetsOf } from '../../src/evaluate/subsets.ts';

const samples = Array.from({ length: 24 }, (_, i): Sample => ({ id: `s${i}`, source: `document ${i >> 1}`, steps: [] }));
/** Each sample loses a thousandth of its number. */
const quality = (chosen: Uint32Array) => 1 - chosen.reduce((sum, index) => sum + index / 1000, 0) / chosen.length;

it('deals all samples to parts, those of one source to one, and says how far their losses spread', () => {
  const parts: number[][] = [];
  const found = subsetsOf(samples, 4, 0, (chosen) => {
    parts.push([...chosen]);
    return quality(chosen);
  });
  expect(
    parts
      .slice(0, 4)
      .flat()
      .sort((a, b) => a - b),
  ).toEqual([...samples.keys()]);
  for (const part of parts.slice(0, 4)) for (const index of part) expect(part).toContain(index ^ 1);
  expect(found?.mean).toBeCloseTo(0.0115, 12);
  expect(found?.drops).toEqual(parts.slice(0, 4).map((part) => 1 - quality(Uint32Array.from(part))));
  expect(found?.deviation).toBeGreaterThan(0);
  const { subset, samples: names } = found!.representative;
  expect(names).toEqual(parts[subset]?.map((index) => `s${index}`));
  for (const drop of found!.drops) expect(Math.abs(found!.drops[subset]! - 0.0115)).toBeLessThanOrEqual(Math.abs(drop - 0.0115));
});

it('deals the same for a seed, and nothing where there are fewer sources than parts', () => {
  expect(subsetsOf(samples, 3, 7, quality)).toEqual(subsetsOf(samples, 3, 7, quality));
  expect(subsetsOf(samples, 3, 7, quality)).not.toEqual(subsetsOf(samples, 3, 8, quality));
  expect(subsetsOf(samples, 13, 0, quality)).toBeUndefined();
});
