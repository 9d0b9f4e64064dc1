import { expect, it } from 'vitest';
import { watchErrors } from '../../src/compress/weight-errors.ts';
import { decode, denseOf } from '../../src/core/decode.ts';
import type { Shape } from '../../src/core/dtype.ts';
import { errorSpread } from '../../src/core/error-spread.ts';
import type { Model, Weight } from '../../src/core/model.ts';
import { rangeOf } from '../../src/core/precision/ranges.ts';
import { errorOf, errorSums } from '../../src/core/relative-error.ts';
import { changeRows, rowPieces, rowsOf } from '../../src/core/rows.ts';
import { weightPairs } from '../../src/core/weight-pairs.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { loadedByRows } from '../support/by-rows.ts';

function weightOf(shape: Shape, values: Float32Array): Weight {
  return { id: 'w', shape, dtype: 'f32', layout: { kind: 'dense', dtype: 'f32' }, load: async () => denseOf(values, shape) };
}

function modelOf(weight: Weight): Model {
  const meta = { properties: new Map(), producer: '', format: undefined };
  return { format: 'gguf', meta, weights: new Map([['w', weight]]), execution: new Map() };
}

const SHAPE = [3, 5, 4];
const VALUES = Float32Array.from({ length: 60 }, (_, i) => i - 30);
const whole = weightOf(SHAPE, VALUES);
const tiled = loadedByRows(modelOf(whole)).weights.get('w') as Weight;
const halved = (weight: Weight): Weight => ({
  ...weight,
  load: changeRows(weight.load, async (tensor) =>
    denseOf(
      decode(tensor).map((value) => value * 0.9),
      tensor.shape,
    ),
  ),
});

it('rows are counted over all axes but the last', () => {
  expect(rowsOf(SHAPE)).toEqual({ rows: 15, columns: 4 });
  expect(rowsOf([7])).toEqual({ rows: 1, columns: 7 });
  expect(rowsOf([])).toEqual({ rows: 1, columns: 1 });
});

it('pieces are of whole rows, and one where there are no rows to be had', () => {
  const bounds = (weight: Weight, most: number) => rowPieces(weight, most).map(({ firstRow, shape }) => [firstRow, ...shape]);
  expect(bounds(tiled, 60)).toEqual([[0, 3, 5, 4]]);
  expect(bounds(tiled, 30)).toEqual([
    [0, 7, 4],
    [7, 7, 4],
    [14, 1, 4],
  ]);
  expect(bounds(tiled, 1)).toHaveLength(15);
  expect(bounds(whole, 1)).toEqual([[0, 3, 5, 4]]);
});

it('whatever changes a weight by rows gives the same in pieces', async () => {
  const { load } = halved(tiled);
  const all = decode(await load());
  expect(decode((await load.rows?.(4, 9)) ?? (await load()))).toEqual(all.slice(16, 36));
  expect(halved(whole).load.rows).toBeUndefined();
});

it('a changed weight does not keep the rows of what it was', () => {
  const changed: Weight = { ...tiled, load: async () => denseOf(new Float32Array(60), SHAPE) };
  expect(rowPieces(changed, 1)).toHaveLength(1);
});

it('errors and ranges of pieces are those of the whole', async () => {
  const kernels = await openKernels({ threads: 0 });
  const pairs = await weightPairs(tiled, halved(tiled), 12);
  const [all = pairs[0], ...others] = await weightPairs(whole, halved(whole), 12);
  expect([pairs.length, others.length]).toEqual([5, 0]);
  const sums = await Promise.all(pairs.map(async (load) => errorSums(...(await load()))));
  expect(errorOf(sums)).toBeCloseTo(0.1, 6);
  const [inPieces, asWhole] = [await errorSpread(pairs), await errorSpread(all ? [all] : [])];
  expect(inPieces?.max).toBeCloseTo(asWhole?.max ?? Number.NaN, 9);
  expect(inPieces).toMatchObject({ p50: asWhole?.p50, p99: asWhole?.p99 });
  expect(await rangeOf(tiled, kernels, 'f16')).toEqual({ min: -30, max: 29, vanishing: 0, elements: 60 });
  const half = (weight: Weight): Model => modelOf({ ...halved(weight), layout: { kind: 'dense', dtype: 'f16' } });
  const errors = watchErrors();
  const { load } = errors.watch(modelOf(tiled), half(tiled)).weights.get('w') as Weight;
  await load.rows?.(7, 15);
  expect(errors.found.size).toBe(0);
  await load.rows?.(0, 7);
  expect(errors.found.get('w')).toBeCloseTo(0.1, 6);
});
