import type { Engine, Feeds, Session } from '../core/engine.ts';
import type { SpeedReport } from '../core/report.ts';
import { bootstrap, median } from './bootstrap.ts';

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
  const reports: SpeedReport[] = [];
  for (const feeds of shapes) {
    const old: number[] = [];
    const fresh: number[] = [];
    const start = performance.now();
    for (;;) {
      const rounds = old.length === 0 ? minRounds : Math.min(BATCH, maxRounds - old.length);
      const [a = [], b = []] = await engine.race([before, after], feeds, { rounds, warmup: old.length === 0 ? WARMUP : 0 });
      old.push(...a);
      fresh.push(...b);
      const report = summarize(old, fresh, feeds, seed);
      const isNarrow = report.interval[1] - report.interval[0] <= NARROW * report.ratio;
      if (!isNarrow && old.length < maxRounds && performance.now() - start < maxMs) continue;
      reports.push(report);
      break;
    }
  }
  return reports.reduce((worst, next) => (next.ratio > worst.ratio ? next : worst));
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

function summarize(old: readonly number[], fresh: readonly number[], feeds: Feeds, seed: number): SpeedReport {
  const ratios = fresh.map((ms, round) => ms / old[round]!);
  const interval = bootstrap(ratios.length, seed, (chosen) => median(Float64Array.from(chosen, (round) => ratios[round]!)));
  return { ratio: median(ratios), interval, before: median(old), after: median(fresh), rounds: ratios.length, shapes: shapeOf(feeds) };
}

function shapeOf(feeds: Feeds): string {
  return Object.entries(feeds)
    .map(([name, { shape }]) => `${name} [${shape.join(',')}]`)
    .join(', ');
}
