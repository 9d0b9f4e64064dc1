import { expect, it } from 'vitest';
import type { Layer } from '../../src/core/layers.ts';
import type { Weight } from '../../src/core/model.ts';
import type { Option } from '../../src/search/candidates.ts';
import { stepsOf } from '../../src/search/candidates.ts';
import { propose, type Question } from '../../src/search/propose.ts';

const eight = { use: 'rtn', bits: 8 };
const four = { use: 'rtn', bits: 4 };

it('proposes the cheapest for every layer when that holds, without ranking', async () => {
  const { question, asked } = model({ a: [1, 2], b: [1, 2] }, 10);
  const first = await take(question);
  expect(first?.map((o) => o.step)).toEqual([four, four]);
  expect(asked()).toBe(1);
});

it('spares the layer that hurts', async () => {
  const { question } = model({ a: [0.001, 0.002], b: [0.001, 5], c: [0.001, 0.002] }, 0.01);
  expect((await take(question))?.map((o) => o.step)).toEqual([four, eight, four]);
});

it('grows more careful each time it is asked again, and ends with the original', async () => {
  const { question } = model({ a: [0.1, 1], b: [0.1, 1], c: [0.1, 1] }, 100);
  const sizes: number[] = [];
  for await (const chosen of propose(question)) sizes.push(chosen.reduce((sum, o) => sum + o.bytes, 0));
  expect(sizes[0]).toBe(75);
  expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
  expect(sizes.at(-1)).toBe(600);
});

it('has more careful proposals left when what it measured promises too much', async () => {
  const { question } = model({ a: [0, 0], b: [0, 0] }, 0.01);
  const sizes: number[] = [];
  for await (const chosen of propose(question)) sizes.push(chosen.reduce((sum, o) => sum + o.bytes, 0));
  expect(sizes[0]).toBe(50);
  expect(sizes.length).toBeGreaterThan(2);
  expect(sizes.at(-1)).toBe(400);
});

it('stays within a size, with the least error, counting what the graph takes', async () => {
  const { question } = model({ a: [0.1, 1], b: [0.1, 9] }, 1, 190); // 25 + 50 + overhead 100 fit, 50 + 50 + 100 do not
  expect((await take(question))?.map((o) => o.step)).toEqual([four, eight]);
  expect(await take(model({ a: [0.1, 1] }, 1, 110).question)).toBeUndefined();
});

it('drops a candidate whose outputs are not finite', async () => {
  const { question } = model({ a: [0.001, Number.NaN], b: [0.001, 0.002] }, 0.01);
  expect((await take(question))?.map((o) => o.step)).toEqual([eight, four]);
});

it('writes one step for layers that are treated alike', async () => {
  const { question } = model({ a: [0.001, 0.002], b: [0.001, 5], c: [0.001, 0.002] }, 0.01);
  const chosen = await take(question);
  expect(stepsOf(chosen ?? [])).toEqual([
    { ...four, where: [{ name: 'a' }, { name: 'c' }] },
    { ...eight, where: [{ name: 'b' }] },
  ]);
  expect(stepsOf((chosen ?? []).slice(0, 1))).toEqual([four]);
});

/** Layers of 200 bytes, or 50 at 8 bits, or 25 at 4, with given errors; drop and error of a model are the sums. */
function model(errors: Readonly<Record<string, readonly [number, number]>>, drop: number, bytes?: number) {
  let asked = 0;
  const options = Object.entries(errors).map(([id, [at8, at4]]): Option[] => {
    const make = (size: number, error: number, step?: Option['step']): Option => ({
      layer: { weight: weight(id, 0) } as Layer,
      bytes: size,
      error: step ? Number.POSITIVE_INFINITY : 0,
      weight: weight(id, error),
      ...(step && { step }),
    });
    return [make(200, 0), make(50, at8, eight), make(25, at4, four)];
  });
  const measure: Question['drop'] = async (weights) => {
    asked++;
    return [...weights.values()].reduce((sum, w) => sum + (w.shape[0] ?? 0), 0);
  };
  const question: Question = {
    options,
    maxDrop: drop,
    ...(bytes !== undefined && { maxBytes: bytes }),
    size: async (chosen) => 100 + chosen.reduce((sum, o) => sum + o.bytes, 0),
    drop: measure,
    error: measure,
  };
  return { question, asked: () => asked };
}

/** A weight that carries its error as its shape. */
function weight(id: string, error: number): Weight {
  return { id, shape: [error], dtype: 'f32', layout: { kind: 'dense', dtype: 'f32' }, load: () => Promise.reject(new Error('not loaded')) };
}

async function take(question: Question): Promise<Option[] | undefined> {
  for await (const chosen of propose(question)) return chosen;
  return undefined;
}
