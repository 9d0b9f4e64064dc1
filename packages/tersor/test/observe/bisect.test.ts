import fc from 'fast-check';
import { expect, it } from 'vitest';
import { firstApart } from '../../src/observe/bisect.ts';

/** Parents of every value: earlier ones. */
const graphs = fc
  .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 60 })
  .map((rows) => rows.map((row, i) => (i === 0 ? [] : [...new Set(row.map((n) => n % i))])));

it('finds a value that is wrong although its parents are right, in few rounds, on any graph', async () => {
  await fc.assert(
    fc.asyncProperty(
      graphs,
      fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 8 }),
      async (rows, seeds, most) => {
        const name = (i: number) => `v${i}`;
        const culprits = new Set(seeds.map((seed) => seed % rows.length));
        // wrongness spreads, but for some values that hide it
        const wrong: boolean[] = [];
        for (const [i, row] of rows.entries()) wrong.push(culprits.has(i) || (i % 7 !== 3 && row.some((parent) => wrong[parent])));
        const end = wrong.lastIndexOf(true);
        let rounds = 0;
        const cause = await firstApart(
          {
            order: rows.map((_, i) => name(i)),
            parents: new Map(rows.map((row, i) => [name(i), row.map(name)])),
            measure: async (ids) => {
              rounds += 1;
              expect(ids.length).toBeLessThanOrEqual(most + 1);
              return new Map(ids.map((id) => [id, wrong[Number(id.slice(1))] ? 1 : 0]));
            },
            isFar: (distance) => distance > 0.5,
            most: () => most,
          },
          name(end),
          1,
        );
        const found = Number(cause.id.slice(1));
        expect(culprits).toContain(found);
        expect(rows[found]?.some((parent) => wrong[parent])).toBeFalsy();
        expect(cause).toMatchObject({ apart: 1, stands: true });
        expect(rounds).toBeLessThanOrEqual(Math.ceil(rows.length / most));
      },
    ),
    { seed: 1 },
  );
});

it('takes few rounds for long chains', async () => {
  const ids = Array.from({ length: 5000 }, (_, i) => `v${i}`);
  let rounds = 0;
  const cause = await firstApart(
    {
      order: ids,
      parents: new Map(ids.map((id, i) => [id, i === 0 ? [] : [ids[i - 1]!]])),
      measure: async (asked) => {
        rounds += 1;
        return new Map(asked.map((id) => [id, Number(id.slice(1)) >= 1234 ? 1 : 0]));
      },
      isFar: (distance) => distance > 0,
      most: () => 16,
    },
    'v4999',
    1,
  );
  expect(cause.id).toBe('v1234');
  expect(rounds).toBeLessThanOrEqual(4);
});

it('says so when looking makes the difference go away', async () => {
  const cause = await firstApart(
    { order: ['a', 'b'], parents: new Map([['b', ['a']]]), measure: async () => new Map([['b', 0]]), isFar: (d) => d > 0, most: () => 4 },
    'b',
    1,
  );
  expect(cause).toMatchObject({ id: 'b', stands: false });
});
