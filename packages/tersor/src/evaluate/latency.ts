import type { Engine, Feeds, Session } from '../core/engine.ts';
import type { ShapeTiming, SpeedReport, Spread } from '../core/report.ts';
import { bootstrap, median, quantile } from './bootstrap.ts';

export interface LatencyOptions {
  /** Fewer say nothing. */
  readonly minRounds?: number;
  readonly maxRounds?: number;
  /** For each shape; rounds beyond `minRounds` end here. */
  readonly maxMs?: number;
  readonly seed?: number;
}

/** Narrower than this, the interval decides anything that is asked of it. */
const NARROW = 0.04;
const WARMUP = 3;
const BATCH = 20;

/**
 * How much longer `after` takes than `before`: both on the same feeds, by turns, in one process; for each shape the median of the rounds' ratios, and of the shapes the worst.
 * Rounds are added until the interval is narrow or the time is up.
 */
export async function latency(
  engine: Engine,
  before: Session,
  after: Session,
  shapes: readonly Feeds[],
  { minRounds = 20, maxRounds = 400, maxMs = 5000, seed = 0 }: LatencyOptions = {},
): Promise<SpeedReport> {
  const timings: ShapeTiming[] = [];
  for (const feeds of shapes) {
    const old: number[] = [];
    const fresh: number[] = [];
    const start = performance.now();
    for (;;) {
      const rounds = old.length === 0 ? minRounds : Math.min(BATCH, maxRounds - old.length);
      const [a = [], b = []] = await engine.race([before, after], feeds, { rounds, warmup: old.length === 0 ? WARMUP : 0 });
      old.push(...a);
      fresh.push(...b);
      const timing = summarize(old, fresh, feeds, seed);
      const isNarrow = timing.interval[1] - timing.interval[0] <= NARROW * timing.ratio;
      if (!isNarrow && old.length < maxRounds && performance.now() - start < maxMs) continue;
      timings.push(timing);
      break;
    }
  }
  const worst = timings.reduce((worst, next) => (next.ratio > worst.ratio ? next : worst));
  return { ...worst, before: worst.before.p50, after: worst.after.p50, timings };
}

/** The feeds to time on: one of every shape that the samples have, the smallest, the largest and those in between up to `limit`. */
export function distinctShapes(samples: readonly { readonly steps: readonly Feeds[] }[], limit = 3): Feeds[] {
  const byShape = new Map<string, { readonly feeds: Feeds; readonly size: number }>();
  for (const { steps } of samples) {
    const [feeds] = steps;
    if (!feeds || byShape.has(shapeOf(feeds))) continue;
    const size = Object.values(feeds).reduce((sum, { data }) => sum + data.length, 0);
    byShape.set(shapeOf(feeds), { feeds, size });
  }
  const sorted = [...byShape.values()].sort((a, b) => a.size - b.size);
  if (sorted.length <= limit) return sorted.map(({ feeds }) => feeds);
  return Array.from({ length: limit }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / Math.max(1, limit - 1))]!.feeds);
}

function summarize(old: readonly number[], fresh: readonly number[], feeds: Feeds, seed: number): ShapeTiming {
  const ratios = fresh.map((ms, round) => ms / old[round]!);
  const interval = bootstrap(ratios.length, seed, (chosen) => median(Float64Array.from(chosen, (round) => ratios[round]!)));
  return { shapes: shapeOf(feeds), ratio: median(ratios), interval, rounds: ratios.length, before: spreadOf(old), after: spreadOf(fresh) };
}

function spreadOf(times: readonly number[]): Spread {
  const at = (share: number) => quantile(times, share);
  return { p5: at(0.05), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95) };
}

function shapeOf(feeds: Feeds): string {
  return Object.entries(feeds)
    .map(([name, { shape }]) => `${name} [${shape.join(',')}]`)
    .join(', ');
}
