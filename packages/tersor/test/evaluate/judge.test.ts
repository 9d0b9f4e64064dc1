import { describe, expect, it } from 'vitest';
import type { Feeds, Value } from '../../src/core/engine.ts';
import { openJudge } from '../../src/evaluate/judge.ts';
import { judgeTask, toScores } from '../../src/evaluate/judge-task.ts';
import type { OutputKind } from '../../src/evaluate/output-kinds.ts';

const f32 = (shape: readonly number[], data: readonly number[]): Value => ({ dtype: 'f32', shape, data: Float32Array.from(data) });
const kind = (kind: OutputKind['kind'], axis = -1): OutputKind => ({ kind, axis, because: 'test' });
const about = { evidence: 'data', source: 'test' } as const;

/** Judges one output `y`, one pair a sample. */
function judge(how: OutputKind, pairs: readonly (readonly [Value, Value])[], feeds: Feeds = {}) {
  const judge = openJudge(new Map([['y', how]]));
  for (const [index, [original, candidate]] of pairs.entries()) judge.add(index, { y: original }, { y: candidate }, feeds);
  return judge.report(about);
}

describe('values', () => {
  it('are judged by R² about the mean of each element', () => {
    // Element means are 2 and 200: spread 2 + 20000, error 0.5 + 50.
    const report = judge(kind('value'), [
      [f32([1, 2], [1, 100]), f32([1, 2], [1.5, 105])],
      [f32([1, 2], [3, 300]), f32([1, 2], [2.5, 295])],
    ]);
    expect(report.value).toBeCloseTo(1 - 50.5 / 20002, 6);
    expect(report).toMatchObject({ metric: 'R²', decisions: 4, samples: 2, evidence: 'data', source: 'test' });
    expect(report.drop).toBeCloseTo(1 - report.value, 12);
    expect(report.outputs[0]?.sqnr).toBeCloseTo(10 * Math.log10((1 + 1e4 + 9 + 9e4) / 50.5), 5);
  });

  it('cannot be good by a large offset alone', () => {
    const noise = (i: number) => Math.sin(i * 12.9898);
    const pairs = Array.from({ length: 20 }, (_, i) => [f32([1], [1000 + noise(i)]), f32([1], [1000])] as const);
    const report = judge(kind('value'), pairs);
    expect(report.outputs[0]?.cosine).toBeGreaterThan(0.999);
    expect(report.value).toBeLessThan(0.1);
  });

  it('of changing lengths are judged per feature', () => {
    // Feature means are 2 and 20 over three positions: spread 2 + 200, error 1.
    const report = judge(kind('value'), [
      [f32([1, 1, 2], [1, 10]), f32([1, 1, 2], [1, 11])],
      [f32([1, 2, 2], [2, 20, 3, 30]), f32([1, 2, 2], [2, 20, 3, 30])],
    ]);
    expect(report.value).toBeCloseTo(1 - 1 / 202, 6);
  });

  it('that never change are judged by their relative error', () => {
    const report = judge(kind('value'), [
      [f32([2], [3, 4]), f32([2], [3, 4.5])],
      [f32([2], [3, 4]), f32([2], [3, 4])],
    ]);
    expect(report.metric).toBe('relative error of a constant');
    expect(report.value).toBeCloseTo(1 - Math.sqrt(0.25 / 50), 6);
  });

  it('are worthless when they are not finite any more', () => {
    const report = judge(kind('value'), [
      [f32([2], [1, 2]), f32([2], [1, Number.NaN])],
      [f32([2], [3, 5]), f32([2], [3, 5])],
    ]);
    expect(report).toMatchObject({ value: 0, drop: 1, metric: 'not finite where the original is' });
    const same = judge(kind('value'), [
      [f32([2], [1, Number.NEGATIVE_INFINITY]), f32([2], [1, Number.NEGATIVE_INFINITY])],
      [f32([2], [3, 5]), f32([2], [3, 5])],
    ]);
    expect(same.value).toBe(1);
  });

  it('in the padding do not count', () => {
    const mask: Value = { dtype: 'i64', shape: [1, 3], data: BigInt64Array.of(1n, 1n, 0n) };
    const report = judge(
      kind('value'),
      [
        [f32([1, 3, 1], [1, 2, 9]), f32([1, 3, 1], [1, 2, -9])],
        [f32([1, 3, 1], [3, 5, 8]), f32([1, 3, 1], [3, 5, -8])],
      ],
      { attention_mask: mask },
    );
    expect(report).toMatchObject({ value: 1, decisions: 4 });
  });

  it('of one sample say nothing of others', () => {
    const report = judge(kind('value'), [[f32([4], [1, 2, 3, 4]), f32([4], [1, 2, 3, 4.1])]]);
    expect(report.value).toBeCloseTo(1 - 0.01 / 5, 5);
    expect(report.interval).toEqual([0, 1]);
  });

  it('have an interval that holds the truth, and narrows with samples', () => {
    const width = (samples: number) => {
      const pairs = Array.from({ length: samples }, (_, i) => {
        const y = Math.sin(i * 78.233) * 3;
        return [f32([1], [y]), f32([1], [y + 0.3 * Math.cos(i * 12.9898)])] as const;
      });
      const { drop, interval } = judge(kind('value'), pairs);
      expect(interval[0]).toBeLessThan(drop);
      expect(interval[1]).toBeGreaterThan(drop);
      return interval[1] - interval[0];
    };
    expect(width(400)).toBeLessThan(width(25) / 2);
  });
});

describe('classes', () => {
  const scores = (best: number, count = 3) =>
    f32(
      [1, count],
      Array.from({ length: count }, (_, c) => (c === best ? 5 : 0)),
    );

  it('are averaged over the decided classes, so a dominant one hides no loss', () => {
    const pairs = Array.from({ length: 120 }, (_, i) => {
      const decided = i < 100 ? 0 : 1;
      return [scores(decided), scores(i >= 110 ? 0 : decided)] as const;
    });
    const report = judge(kind('classes'), pairs);
    expect(report).toMatchObject({ metric: 'top-1 agreement', decisions: 120 });
    expect(report.value).toBeCloseTo((1 + 0.5) / 2, 12);
    expect(report.interval[0]).toBeLessThan(0.25);
    expect(report.interval[1]).toBeGreaterThan(0.25);
  });

  it('that were decided for less than 20 times are judged together', () => {
    const pairs = Array.from({ length: 12 }, (_, i) => [scores(i % 3), scores(i === 0 ? 1 : i % 3)] as const);
    expect(judge(kind('classes'), pairs).value).toBeCloseTo(11 / 12, 12);
  });

  it('lie along the axis of the kind', () => {
    // [N, C, H, W] with two classes and two pixels.
    const report = judge(kind('classes', 1), [[f32([1, 2, 1, 2], [1, 0, 0, 1]), f32([1, 2, 1, 2], [1, 1, 0, 0])]]);
    expect(report).toMatchObject({ value: 0.5, decisions: 2 });
  });

  it('come with the divergence of probabilities and of logits', () => {
    const expected = 0.5 * Math.log(0.5 / 0.25) + 0.5 * Math.log(0.5 / 0.75);
    const probabilities = judge(kind('classes'), [[f32([1, 2], [0.5, 0.5]), f32([1, 2], [0.25, 0.75])]]);
    expect(probabilities.outputs[0]?.divergence).toBeCloseTo(expected, 6);
    const logits = judge(kind('classes'), [[f32([1, 2], [7, 7]), f32([1, 2], [3, 3 + Math.log(3)])]]);
    expect(logits.outputs[0]?.divergence).toBeCloseTo(expected, 6);
  });

  it('without any disagreement still leave what so few decisions cannot rule out', () => {
    const pairs = Array.from({ length: 60 }, (_, i) => [scores(i % 3), scores(i % 3)] as const);
    expect(judge(kind('classes'), pairs)).toMatchObject({ drop: 0, interval: [0, expect.closeTo(3 / 60, 12)] });
  });
});

it('judges by the worst output, and no state', () => {
  const judge = openJudge(
    new Map([
      ['a', kind('value')],
      ['b', kind('value')],
      ['s', kind('state')],
    ]),
  );
  for (const [index, x] of [1, 2, 3].entries()) {
    const original = { a: f32([1], [x]), b: f32([1], [x]), s: f32([1], [x]) };
    judge.add(index, original, { ...original, b: f32([1], [x + 0.1]), s: f32([1], [-x]) }, {});
  }
  const report = judge.report(about);
  expect(report.metric).toBe('R² of b');
  expect(report.value).toBeCloseTo(1 - 0.03 / 2, 5);
  expect(report.outputs.map(({ name }) => name)).toEqual(['a', 'b']);
});

it('gives nothing for outputs of another shape: a detector that finds one box less has not kept its answers', () => {
  const same = f32([2], [1, 2]);
  for (const pairs of [
    [[same, f32([1], [1])]],
    [
      [same, same],
      [same, f32([3], [1, 2, 3])],
    ],
  ] as const) {
    const report = judge(kind('value'), pairs);
    expect(report).toMatchObject({ value: 0, drop: 1, metric: "another shape than the original's" });
  }
});

describe('judgeTask', () => {
  it('gives the relative loss of the key that loses most', () => {
    expect(judgeTask({ acc: [0.8], f1: [0.5] }, { acc: [0.76], f1: [0.55] }, 'm.mjs')).toMatchObject({
      metric: 'acc',
      drop: expect.closeTo(0.05, 12),
      evidence: 'data',
    });
    expect(judgeTask({ score: [-2] }, { score: [-3] }, 'm.mjs').drop).toBeCloseTo(0.5, 12);
    expect(judgeTask({ score: [0] }, { score: [0] }, 'm.mjs').drop).toBe(0);
  });

  it('takes numbers only', () => {
    expect(toScores(0.5, 'm.mjs')).toEqual({ score: [0.5] });
    expect(toScores({ acc: [1, 0, 1] }, 'm.mjs')).toEqual({ acc: [1, 0, 1] });
    expect(() => toScores({ acc: [1, 'no'] }, 'm.mjs')).toThrow('[DATA_INVALID]');
    expect(() => toScores({ a: 'high' }, 'm.mjs')).toThrow('m.mjs: returned {"a":"high"}\n  return a finite number');
    expect(() => toScores(Number.NaN, 'm.mjs')).toThrow('[DATA_INVALID]');
  });
});
