import { expect, it } from 'vitest';
import type { Engine, Feeds, Session } from '../../src/core/engine.ts';
import { bootstrap, median, quantile } from '../../src/evaluate/bootstrap.ts';
import { distinctShapes, latency } from '../../src/evaluate/latency.ts';
import { runSample } from '../../src/evaluate/run-sample.ts';

const feeds = (length: number): Feeds => ({ x: { dtype: 'f32', shape: [1, length], data: new Float32Array(length) } });
const session = (run: Session['run'] = async () => ({})): Session => ({
  inputs: [],
  outputs: [],
  run,
  hold: async () => {},
  close: async () => {},
});

/** An engine whose times are made up: `after` takes `ratio` times as long, with noise that both share. */
function fakeEngine(ratio: (length: number) => number, noise: number, calls: number[] = []): Engine {
  let round = 0;
  return {
    name: 'fake',
    open: async () => session(),
    race: async (_, { x }, { rounds }) => {
      calls.push(rounds);
      const times: number[][] = [[], []];
      for (let r = 0; r < rounds; r++, round++) {
        const shared = 1 + Math.abs(Math.sin(round * 12.9898));
        times[0]?.push(shared);
        times[1]?.push(shared * ratio(x?.shape[1] ?? 0) * (1 + noise * Math.sin(round * 78.233)));
      }
      return times;
    },
    fold: async () => {},
    folded: async () => undefined,
    peakMemory: async () => undefined,
    close: async () => {},
  };
}

it('gives the median of the ratios of rounds, worst over shapes', async () => {
  const report = await latency(
    fakeEngine((length) => (length === 16 ? 0.7 : 0.5), 0.01),
    session(),
    session(),
    [feeds(8), feeds(16), feeds(4)],
  );
  expect(report.ratio).toBeCloseTo(0.7, 2);
  expect(report.shapes).toBe('x [1,16]');
  expect(report.rounds).toBeGreaterThanOrEqual(20);
  expect(report.interval[0]).toBeLessThanOrEqual(report.ratio);
  expect(report.interval[1]).toBeGreaterThanOrEqual(report.ratio);
});

it('keeps the timing of every shape, with its quantiles', async () => {
  const { timings = [], ...worst } = await latency(
    fakeEngine((length) => (length === 16 ? 0.7 : 0.5), 0),
    session(),
    session(),
    [feeds(8), feeds(16)],
  );
  expect(timings.map(({ shapes, ratio }) => [shapes, Number(ratio.toFixed(6))])).toEqual([
    ['x [1,8]', 0.5],
    ['x [1,16]', 0.7],
  ]);
  for (const { before, after, ratio } of timings) {
    const ascending = [before.p5, before.p25, before.p50, before.p75, before.p95];
    expect(ascending).toEqual([...ascending].sort((a, b) => a - b));
    expect(before.p5).toBeLessThan(before.p95);
    expect(after.p95).toBeCloseTo(before.p95 * ratio, 9);
  }
  expect(worst).toMatchObject({ shapes: 'x [1,16]', before: timings[1]?.before.p50, after: timings[1]?.after.p50 });
});

it('takes quantiles between two values', () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(median([4, 1, 3, 2]));
  expect([0, 0.25, 0.9, 1].map((share) => quantile([0, 10, 20], share))).toEqual([0, 5, 18, 20]);
  expect(quantile([], 0.5)).toBe(0);
});

it('adds rounds while the interval is wide, and no more than allowed', async () => {
  const calls: number[] = [];
  const report = await latency(
    fakeEngine(() => 1, 0.9, calls),
    session(),
    session(),
    [feeds(8)],
    { maxRounds: 70 },
  );
  expect(calls).toEqual([20, 20, 20, 10]);
  expect(report.rounds).toBe(70);
});

it('times the smallest, the largest and shapes in between', () => {
  const samples = [5, 3, 9, 3, 7, 1].map((length) => ({ steps: [feeds(length)] }));
  expect(distinctShapes(samples).map(({ x }) => x?.shape[1])).toEqual([1, 5, 9]);
});

it('bootstraps: the interval of a mean is about two standard errors to each side', () => {
  const values = Float64Array.from({ length: 400 }, (_, i) => Math.sin(i * 12.9898) * Math.SQRT2);
  const [low, high] = bootstrap(values.length, 0, (chosen) => chosen.reduce((sum, i) => sum + values[i]!, 0) / chosen.length);
  expect((high - low) / 2).toBeCloseTo(1.96 / 20, 1);
  expect(bootstrap(10, 7, (chosen) => chosen[0] ?? 0)).toEqual(bootstrap(10, 7, (chosen) => chosen[0] ?? 0));
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
});

it('hands state from step to step', async () => {
  const seen: Feeds[] = [];
  const counter = session(async (given) => {
    seen.push(given);
    return { hn: { dtype: 'f32', shape: [1], data: Float32Array.of(Number(given.h?.data[0]) + 1) } };
  });
  const h = { dtype: 'f32', shape: [1], data: Float32Array.of(5) } as const;
  const steps = [{ ...feeds(2), h }, feeds(2), feeds(2)];
  const outputs: number[] = [];
  for await (const run of runSample(counter, { id: 's', steps }, [{ input: 'h', output: 'hn' }]))
    outputs.push(Number(run.outputs.hn?.data[0]));
  expect(outputs).toEqual([6, 7, 8]);
  expect(seen.map((given) => Number(given.h?.data[0]))).toEqual([5, 6, 7]);
});
