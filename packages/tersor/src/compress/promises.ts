import type { Budget } from '../core/asked.ts';
import type { PromiseReport, QualityReport, SpeedReport } from '../core/report.ts';
import { bytesText } from '../core/text/units.ts';

/** What a user means who asks for nothing in particular. */
export const DEFAULT_BUDGET: Budget = { drop: 0.01, latency: 1.1 };

/** What was found out about a result. */
export interface Facts {
  readonly before: number;
  readonly after: number;
  /** A checkpoint has no graph that could be loaded. */
  readonly isCheckpoint?: boolean;
  /** Absent when nobody tried. */
  readonly loads?: boolean;
  /** It was not the target's own runtime that tried, but one in its place: what it shows is at best indicated. */
  readonly standIn?: boolean;
  readonly quality?: QualityReport;
  readonly speed?: SpeedReport;
  /** What the container takes that the result packs into, bytes. */
  readonly coded?: number;
  /** Peak memory of a runtime that holds nothing but the result, bytes. */
  readonly footprint?: number;
}

/** What only running shows; of another runtime than the target's it shows little. */
const BY_RUNNING: readonly PromiseReport['name'][] = ['loads', 'drop', 'latency', 'memory'];

/** Each promise with what came of it. */
export function judgePromises(budget: Budget, facts: Facts): PromiseReport[] {
  return promisesOf(budget, facts).map((promise) => {
    if (!facts.standIn || promise.status === 'missed' || !BY_RUNNING.includes(promise.name)) return promise;
    return { ...promise, status: promise.name === 'drop' ? 'indicated' : 'unverified' };
  });
}

function promisesOf(budget: Budget, facts: Facts): PromiseReport[] {
  const { before, after } = facts;
  return [
    ...(facts.isCheckpoint ? [] : [loadsPromise(facts.loads)]),
    {
      name: 'smaller',
      promised: 'not larger',
      actual: `${percent(after / before)} of the bytes`,
      status: after <= before ? 'kept' : 'missed',
    },
    ...optional(budget.drop, (limit) => dropPromise(limit, facts.quality)),
    ...optional(
      budget.size,
      (limit): PromiseReport => ({
        name: 'size',
        promised: `<= ${bytesText(limit)}`,
        actual: bytesText(after),
        status: after <= limit ? 'kept' : 'missed',
      }),
    ),
    ...optional(budget.coded, (limit) => bytesPromise('coded', limit, facts.coded)),
    ...optional(budget.latency, (limit) => latencyPromise(limit, facts.speed)),
    ...optional(budget.memory, (limit) => bytesPromise('memory', limit, facts.footprint)),
  ];
}

function loadsPromise(loads: boolean | undefined): PromiseReport {
  return {
    name: 'loads',
    promised: 'loads in the runtime',
    actual: loads === undefined ? 'not tried' : loads ? 'yes' : 'no',
    status: loads === undefined ? 'unverified' : loads ? 'kept' : 'missed',
  };
}

export function isKept(promises: readonly PromiseReport[]): boolean {
  return promises.every((promise) => promise.status !== 'missed');
}

/** More samples than so many times those that there are, nobody will find. */
const MOST_MORE = 100;

/** What real inputs leave open of a drop that they show to be small enough, and how many would settle it; undefined where they settle it. */
export function openQuestion({ drop: limit }: Budget, quality: QualityReport | undefined): string | undefined {
  if (limit === undefined || quality?.evidence !== 'data') return undefined;
  const {
    drop,
    interval: [, high],
    samples,
  } = quality;
  if (drop > limit || high <= limit) return undefined;
  // an interval narrows with the root of the number of samples; one without any loss, with their number
  const more = drop <= 0 ? high / limit : ((high - drop) / (limit - drop)) ** 2;
  const advice = more <= MOST_MORE ? `; about --samples ${Math.ceil(2 * samples * more)} would tell` : '';
  return `the ${samples} samples to prove with leave open whether it is within ${percent(limit)}: it may be ${percent(high)}${advice}`;
}

/** How far a result is from its budget: what is missed, as a multiple of what was promised, of the promise that is missed by most; 0 where all are kept. */
export function excessOf(budget: Budget, facts: Facts): number {
  const { drop = 0, size = 0, coded = 0, latency = 0, memory = 0 } = budget;
  const { before, after, quality, speed, footprint = 0 } = facts;
  const excess: Readonly<Record<PromiseReport['name'], number>> = {
    loads: Number.POSITIVE_INFINITY,
    smaller: after / before,
    drop: (quality?.drop ?? 1) / drop,
    size: after / size,
    coded: (facts.coded ?? 0) / coded,
    latency: (speed?.ratio ?? 1) / latency,
    memory: footprint / memory,
  };
  return Math.max(0, ...judgePromises(budget, facts).flatMap(({ name, status }) => (status === 'missed' ? [excess[name]] : [])));
}

/**
 * On real data the measured drop itself must keep the promise, and is proven when its whole interval does. Made-up inputs prove nothing; they
 * refute only what their whole interval refutes: among noise there are decisions that hang on a hair.
 */
function dropPromise(limit: number, quality: QualityReport | undefined): PromiseReport {
  const promised = `drop <= ${percent(limit)}`;
  if (!quality) return { name: 'drop', promised, actual: 'not measured', status: 'unverified' };
  const { drop, interval, evidence, decisions } = quality;
  if (decisions === 0) return { name: 'drop', promised, actual: 'no output could be compared', status: 'unverified' };
  const isReal = evidence === 'data';
  const isMissed = !(drop <= limit) && !(!isReal && interval[0] <= limit);
  return {
    name: 'drop',
    promised,
    actual: percent(drop),
    status: isMissed ? 'missed' : isReal && interval[1] <= limit ? 'kept' : 'indicated',
  };
}

/** Timing is noisy: only a ratio whose whole interval lies on one side of the limit is certain. */
function latencyPromise(limit: number, speed: SpeedReport | undefined): PromiseReport {
  const promised = `latency <= ${limit}x`;
  if (!speed) return { name: 'latency', promised, actual: 'not measured', status: 'unverified' };
  const { ratio, interval } = speed;
  return {
    name: 'latency',
    promised,
    actual: `${ratio.toFixed(2)}x`,
    status: interval[0] > limit ? 'missed' : ratio <= limit ? 'kept' : 'indicated',
  };
}

function bytesPromise(name: 'coded' | 'memory', limit: number, bytes: number | undefined): PromiseReport {
  const promised = `${name} <= ${bytesText(limit)}`;
  if (bytes === undefined) return { name, promised, actual: 'not measured', status: 'unverified' };
  return { name, promised, actual: bytesText(bytes), status: bytes <= limit ? 'kept' : 'missed' };
}

function optional<T>(value: T | undefined, make: (value: T) => PromiseReport): PromiseReport[] {
  return value === undefined ? [] : [make(value)];
}

function percent(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(3))} %`;
}
