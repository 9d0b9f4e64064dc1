import { describe, expect, it } from 'vitest';
import { DEFAULT_BUDGET, excessOf, type Facts, isKept, judgePromises, openQuestion } from '../../src/compress/promises.ts';
import type { QualityReport, SpeedReport } from '../../src/core/report.ts';

const quality = (drop: number, high: number, evidence: QualityReport['evidence'] = 'data'): QualityReport => ({
  metric: 'R²',
  value: 1 - drop,
  drop,
  interval: [0, high],
  decisions: 100,
  samples: 10,
  evidence,
  source: 'test',
  outputs: [],
});
const speed = (ratio: number, low: number, high: number): SpeedReport => ({
  ratio,
  interval: [low, high],
  before: 1,
  after: ratio,
  rounds: 20,
  shapes: '',
});
const facts = (rest: Partial<Facts>): Facts => ({
  before: 100,
  after: 30,
  loads: true,
  quality: quality(0.001, 0.002),
  speed: speed(1, 0.9, 1.05),
  ...rest,
});
const status = (rest: Partial<Facts>, name: string, budget = DEFAULT_BUDGET) =>
  judgePromises(budget, facts(rest)).find((promise) => promise.name === name)?.status;

describe('a drop', () => {
  it('is kept when real data resolves it, indicated when they cannot, missed when it is larger', () => {
    expect(status({}, 'drop')).toBe('kept');
    expect(status({ quality: quality(0.001, 0.02) }, 'drop')).toBe('indicated');
    expect(status({ quality: { ...quality(0, 0), decisions: 0 } }, 'drop')).toBe('unverified');
    expect(status({ quality: quality(0.001, 0.002, 'synthetic') }, 'drop')).toBe('indicated');
    expect(status({ quality: quality(0.011, 0.02) }, 'drop')).toBe('missed');
    expect(status({ quality: { ...quality(Number.NaN, 1), interval: [Number.NaN, Number.NaN] } }, 'drop')).toBe('missed');
  });

  it('on made-up inputs is missed only when they resolve it', () => {
    expect(status({ quality: quality(0.03, 0.07, 'synthetic') }, 'drop')).toBe('indicated');
    expect(status({ quality: { ...quality(0.03, 0.07, 'synthetic'), interval: [0.02, 0.07] } }, 'drop')).toBe('missed');
    expect(status({ quality: { ...quality(Number.NaN, 1, 'synthetic'), interval: [Number.NaN, Number.NaN] } }, 'drop')).toBe('missed');
  });
});

describe('a latency', () => {
  it('is missed only when its whole interval is above the limit', () => {
    expect(status({ speed: speed(1.05, 1, 1.2) }, 'latency')).toBe('kept');
    expect(status({ speed: speed(1.12, 1.05, 1.2) }, 'latency')).toBe('indicated');
    expect(status({ speed: speed(1.2, 1.15, 1.3) }, 'latency')).toBe('missed');
  });
});

it('what was not tried is unverified, and what another runtime showed is not proven', () => {
  expect(judgePromises(DEFAULT_BUDGET, { before: 100, after: 30 }).map((promise) => promise.status)).toEqual([
    'unverified',
    'kept',
    'unverified',
    'unverified',
  ]);
  expect(judgePromises(DEFAULT_BUDGET, facts({ standIn: true })).map((promise) => promise.status)).toEqual([
    'unverified',
    'kept',
    'indicated',
    'unverified',
  ]);
  expect(status({ standIn: true, loads: false }, 'loads')).toBe('missed');
});

it('promises what is asked, and no more', () => {
  const budget = { size: 30, memory: 1000 };
  expect(judgePromises(budget, facts({ footprint: 2000 })).map(({ name, status }) => [name, status])).toEqual([
    ['loads', 'kept'],
    ['smaller', 'kept'],
    ['size', 'kept'],
    ['memory', 'missed'],
  ]);
  expect(isKept(judgePromises({ size: 29 }, facts({})))).toBe(false);
  expect(isKept(judgePromises({}, facts({ after: 101 })))).toBe(false);
});

describe('a result that misses something', () => {
  it('is as far from its budget as the promise that is missed by most', () => {
    expect(excessOf(DEFAULT_BUDGET, facts({}))).toBe(0);
    expect(excessOf(DEFAULT_BUDGET, facts({ quality: quality(0.03, 0.04) }))).toBeCloseTo(3);
    expect(excessOf(DEFAULT_BUDGET, facts({ quality: quality(0.03, 0.04), speed: speed(4.4, 4, 5) }))).toBeCloseTo(4);
    expect(excessOf({ size: 15, memory: 1000 }, facts({ footprint: 1500 }))).toBe(2);
    expect(excessOf(DEFAULT_BUDGET, facts({ loads: false }))).toBe(Number.POSITIVE_INFINITY);
    // made-up inputs that refute nothing miss nothing
    expect(excessOf(DEFAULT_BUDGET, facts({ quality: quality(0.03, 0.04, 'synthetic') }))).toBe(0);
  });
});

describe('what a sample leaves open', () => {
  const of = (drop: number, high: number, evidence: QualityReport['evidence'] = 'data') =>
    openQuestion(DEFAULT_BUDGET, quality(drop, high, evidence));

  it('is said with the number of samples that would settle it', () => {
    // 128 decisions without a flip: up to 3 / 128 of others may flip
    expect(of(0, 3 / 128)).toBe(
      'the 10 samples to prove with leave open whether it is within 1 %: it may be 2.34 %; about --samples 47 would tell',
    );
    expect(of(0.005, 0.015)).toMatch(/it may be 1\.5 %; about --samples 80 would tell$/);
    expect(of(0.00999, 0.02)).toMatch(/it may be 2 %$/);
  });

  it('is nothing where it is settled, or was made up', () => {
    expect([of(0.001, 0.009), of(0.02, 0.03), of(0, 0.03, 'synthetic'), openQuestion({}, quality(0, 1))]).toEqual(Array(4).fill(undefined));
  });
});
