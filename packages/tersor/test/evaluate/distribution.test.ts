import { describe, expect, it } from 'vitest';
import { randomFor } from '../../src/core/random.ts';
import { decisionAt, distributionAt, divergence, type Place } from '../../src/evaluate/distribution.ts';
import { openJudge } from '../../src/evaluate/judge.ts';
import { openMemory } from '../../src/evaluate/memory.ts';

/** As it is defined: softmax where scores are no probabilities, then the sum over classes. */
function defined(original: readonly number[], candidate: readonly number[]): number {
  const distribution = (scores: readonly number[]) => {
    const sum = scores.reduce((total, score) => total + score, 0);
    if (Math.min(...scores) >= 0 && Math.abs(sum - 1) <= 1e-3) return scores;
    const peak = Math.max(...scores);
    const powers = scores.map((score) => Math.exp(score - peak));
    const total = powers.reduce((all, power) => all + power, 0);
    return powers.map((power) => power / total);
  };
  const [p, q] = [distribution(original), distribution(candidate)];
  return p.reduce((sum, each, i) => sum + (each > 1e-12 ? each * Math.log(each / Math.max(q[i] ?? 0, 1e-40)) : 0), 0);
}

const scores = (count: number, seed: string, { softmax = false, noise = 0 } = {}) => {
  const [random, other] = [randomFor(3, 'scores'), randomFor(4, seed)];
  const logits = Array.from({ length: count }, () => random() * 24 - 12 + noise * (other() - 0.5));
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  return logits.map((logit) => Math.fround(softmax ? Math.exp(logit) / total : logit));
};

describe('divergence', () => {
  it.each([
    [false, false],
    [true, true],
    [true, false],
    [false, true],
  ])('is that of distributions: original probabilities %s, candidate %s', (first, second) => {
    const [a, b] = [scores(300, 'a', { softmax: first }), scores(300, 'b', { softmax: second, noise: 1 })];
    const place: Place = { start: 0, count: 300, stride: 1 };
    const found = divergence(distributionAt(a, place), b, place, decisionAt(b, place));
    expect(found / defined(a, b)).toBeCloseTo(1, 9);
  });

  it('reads classes that are apart, passes over what is negligible, and is never infinite', () => {
    const [a, b] = [Float32Array.of(9, 0, 9, 1e-14, 9, 1), Float32Array.of(8, 0.5, 8, 0.5, 8, 0)];
    const place: Place = { start: 1, count: 3, stride: 2 };
    const found = divergence(distributionAt(a, place), b, place, decisionAt(b, place));
    expect(found).toBeCloseTo(-Math.log(1e-40), 6);
    const broken = Float32Array.of(Number.NaN, 1, 2);
    const whole: Place = { start: 0, count: 3, stride: 1 };
    expect(decisionAt(broken, whole).decided).toBe(0);
    expect(divergence(distributionAt(Float32Array.of(0, 1, 2), whole), broken, whole, decisionAt(broken, whole))).toBe(0);
  });
});

it('what is remembered of an original changes no digit, and only so much of it is kept', () => {
  const kinds = new Map([['y', { kind: 'classes', axis: 1, because: 'asked' } as const]]);
  const value = (seed: string, noise: number) => ({
    y: { dtype: 'f32' as const, shape: [1, 50, 3], data: Float32Array.from(scores(150, seed, { noise })) },
  });
  const judged = (memory?: ReturnType<ReturnType<typeof openMemory>>) => {
    const judge = openJudge(kinds);
    for (const [i, seed] of ['b', 'c', 'd'].entries()) judge.add(i, value('a', 0), value(seed, 4), {}, i === 0 ? memory : undefined);
    return judge.report({ evidence: 'data', source: '' });
  };
  const plain = judged();
  for (const bytes of [0, 1000, 1e6]) {
    const memory = openMemory(bytes)();
    for (let again = 0; again < 2; again++) expect(judged(memory)).toEqual(plain);
    let made = 0;
    const place: Place = { start: 0, count: 50, stride: 3 };
    memory.recall('y', 0, () => {
      made++;
      return distributionAt(value('a', 0).y.data, place);
    });
    expect(made).toBe(bytes >= 1000 ? 0 : 1);
  }
});
