import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Layer } from '../../src/core/layers.ts';
import { randomFor } from '../../src/core/random.ts';
import { PREDICTORS } from '../../src/search/predictors.ts';
import { intervalOf, spearman } from '../../src/search/spearman.ts';

const [ROWS, COLUMNS] = [12, 20];
const layer = { weight: { shape: [ROWS, COLUMNS] }, outputAxes: [0], outputs: ROWS, inputs: COLUMNS } as unknown as Layer;
const random = randomFor(5, 'weights');
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const values = Float32Array.from({ length: ROWS * COLUMNS }, normal);

async function ask(id: string, changed: Float32Array, bits = 4, of = values): Promise<number | undefined> {
  const predictor = PREDICTORS.find((each) => each.id === id);
  const predict = await predictor?.open({ layer, values: of, random: randomFor(0, 'probes') });
  return predict?.({ values: changed, bits });
}

describe('predictors', () => {
  it('weight-error is the share of the square', async () => {
    expect(await ask('weight-error', values)).toBe(0);
    expect(
      await ask(
        'weight-error',
        values.map((value) => value * 0.9),
      ),
    ).toBeCloseTo(0.01, 6);
  });

  it('output-error weighs errors by the inputs that meet them', async () => {
    const predictor = PREDICTORS.find(({ id }) => id === 'output-error');
    const subject = { layer, values, random: randomFor(0, 'probes') };
    expect(await predictor?.open(subject)).toBeUndefined();
    const weigh = async (errors: Float32Array) => errors.reduce((sum, error, i) => sum + (i % COLUMNS === 0 ? error * error : 0), 0);
    const predict = await predictor?.open({ ...subject, weigh });
    const off = (column: number) => values.map((value, i) => (i % COLUMNS === column ? value * 0.9 : value));
    expect(await predict?.({ values: off(1), bits: 4 })).toBe(0);
    expect(await predict?.({ values: off(0), bits: 4 })).toBeCloseTo(0.01, 6);
  });

  it('cosine sees turns, and no lengths', async () => {
    expect(
      await ask(
        'cosine',
        values.map((value) => value * 0.5),
      ),
    ).toBeCloseTo(0, 6);
    expect(
      await ask(
        'cosine',
        values.map((value, i) => (i % 2 ? value : 0)),
      ),
    ).toBeGreaterThan(0.1);
  });

  it('kurtosis of a normal distribution is 3', async () => {
    const many = Float32Array.from({ length: 60_000 }, normal);
    expect(await ask('kurtosis', many, 4, many)).toBeCloseTo(3, 0);
    expect(
      await ask(
        'kurtosis',
        many,
        4,
        many.map((value, i) => (i % 1000 === 0 ? 20 * value : value)),
      ),
    ).toBeGreaterThan(20);
  });

  it('effective-rank counts directions: one for a product of two vectors, about all of a random matrix', async () => {
    const outer = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => (1 + Math.floor(i / COLUMNS)) * (1 + (i % COLUMNS)));
    expect(await ask('effective-rank', outer, 4, outer)).toBeLessThan(2 / ROWS);
    expect(await ask('effective-rank', values)).toBeGreaterThan(0.4);
  });

  it('entropy-bound halves the error with each bit of its root, and is below what rounding reaches', async () => {
    const [four = 0, five = 0] = [await ask('entropy-bound', values, 4), await ask('entropy-bound', values, 5)];
    expect(four / five).toBeCloseTo(4, 9);
    const many = Float32Array.from({ length: 60_000 }, normal);
    // of a normal distribution: 2^(-2 bits)
    expect(await ask('entropy-bound', many, 4, many)).toBeCloseTo(4 ** -4, 3);
  });

  it('have nothing to say of zeros', async () => {
    const zeros = new Float32Array(ROWS * COLUMNS);
    for (const { id } of PREDICTORS) expect(await ask(id, zeros, 4, zeros), id).toBeUndefined();
  });
});

describe("Spearman's correlation", () => {
  it('is 1 for any rising function, -1 for any falling one', () => {
    const distinct = fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(distinct, (numbers) => {
        const cubes = numbers.map((value) => value ** 3);
        expect(spearman(numbers, cubes)).toBeCloseTo(1, 12);
        expect(
          spearman(
            cubes.map((value) => -value),
            numbers,
          ),
        ).toBeCloseTo(-1, 12);
      }),
    );
  });

  it('gives equal values the mean of their ranks', () => {
    // ranks 1, 2.5, 2.5, 4, 5 and 1, 2, 3.5, 5, 3.5
    expect(spearman([1, 2, 2, 3, 5], [5, 6, 7, 8, 7])).toBeCloseTo(7.25 / 9.5, 12);
  });

  it('is not there for too few pairs, or where nothing differs', () => {
    expect(spearman([1, 2, 3], [1, 2, 3])).toBeUndefined();
    expect(spearman([1, 1, 1, 1], [1, 2, 3, 4])).toBeUndefined();
  });

  it('is known the better the more pairs there are', () => {
    const [few, many] = [intervalOf(0.9, 12), intervalOf(0.9, 400)];
    expect(few[0]).toBeLessThan(many[0]);
    for (const [low, high] of [few, many]) expect(low < 0.9 && 0.9 < high && high < 1).toBe(true);
  });
});
