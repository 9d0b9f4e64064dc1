import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Sharer, shareSize } from '../../../src/compress/folder/share-size.ts';

const total = (shares: ReadonlyMap<string, number>) => [...shares.values()].reduce((sum, bytes) => sum + bytes, 0);

describe('a shared size', () => {
  it('is never passed, and nobody gets less than the least or more than it can use', () => {
    const sharer = fc.record({
      least: fc.integer({ min: 1, max: 1e6 }),
      more: fc.integer({ min: 0, max: 1e9 }),
      drop: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(sharer, { minLength: 1, maxLength: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        (all, part, known) => {
          const sharers = all.map(({ least, more }, i): Sharer => ({ name: String(i), least, most: least + more }));
          const [least, most] = [sharers.reduce((sum, each) => sum + each.least, 0), sharers.reduce((sum, each) => sum + each.most, 0)];
          const size = least + Math.floor((most - least) * part);
          const measured = new Map(
            known ? all.map(({ least, more, drop }, i) => [String(i), { bytes: least + Math.floor(more * part), drop }]) : [],
          );
          const shares = shareSize(sharers, size, measured);
          expect(total(shares)).toBeLessThanOrEqual(size);
          for (const { name, least, most } of sharers) {
            expect(shares.get(name)).toBeGreaterThanOrEqual(least);
            expect(shares.get(name)).toBeLessThanOrEqual(most);
          }
        },
      ),
    );
  });

  it('is used up, as far as bytes can be used', () => {
    const sharers = [
      { name: 'a', least: 10_000, most: 100_000 },
      { name: 'b', least: 1_000, most: 8_000 },
    ];
    expect(total(shareSize(sharers, 50_000, new Map()))).toBeGreaterThan(49_990);
    expect(total(shareSize(sharers, 200_000, new Map()))).toBe(108_000);
  });

  it('lets the one that loses most lose less, by what was measured', () => {
    // one model loses a hundred times as much as the other at the same bits
    const sensitivity = { tough: 1e-4, tender: 1e-2 };
    const drop = (name: keyof typeof sensitivity, bytes: number) => sensitivity[name] * 4 ** (8 - (32 * bytes) / 100_000);
    const names = ['tough', 'tender'] as const;
    const sharers = names.map((name) => ({ name, least: 6_000, most: 100_000 }));
    const worst = (shares: ReadonlyMap<string, number>) => Math.max(...names.map((name) => drop(name, shares.get(name) ?? 0)));
    const first = shareSize(sharers, 50_000, new Map());
    const measured = new Map(names.map((name) => [name, { bytes: first.get(name) ?? 0, drop: drop(name, first.get(name) ?? 0) }]));
    const second = shareSize(sharers, 50_000, measured);
    expect(total(second)).toBeGreaterThan(49_990);
    expect(worst(second)).toBeLessThan(0.11 * worst(first));
    expect(drop('tough', second.get('tough') ?? 0)).toBeCloseTo(drop('tender', second.get('tender') ?? 0), 6);
  });
});
