import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Feeds } from '../../packages/tersor/src/core/engine.ts';
import { ofValue } from '../../packages/tersor/src/core/observation.ts';
import { toFeeds } from '../main/judge-file.ts';
import { pythonWith } from '../peers/venv.ts';
import { writeFeeds } from '../tasks/feeds-file.ts';
import { windows } from '../tasks/retrieval.ts';
import { BATCH, type Kind, LENGTH, MINILM, observeMiniLM, THREADS } from './observe-minilm.ts';

const REQUIREMENTS = ['numpy==2.4.6', 'onnx==1.23.2', 'onnxruntime==1.31.1'];
const CALIBRATE = fileURLToPath(new URL('../peers/calibrate.py', import.meta.url));
const MEMORY = fileURLToPath(new URL('observe-memory.ts', import.meta.url));
const TSX = fileURLToPath(new URL('../../node_modules/tsx/dist/cli.mjs', import.meta.url));
const BATCHES = 4;
const ROUNDS = 3;
/** Memory is shown to be flat on short texts, and beside the peers' on those that the peers get. */
const MEMORIES = [
  [32, 32],
  [128, 32],
  [512, 32],
  [BATCHES * BATCH, LENGTH],
] as const;

/** Which calibrators of Python do what a statistic is for. */
const PEERS = { range: ['minmax'], histogram: ['entropy', 'percentile'] } as const satisfies Partial<Record<Kind, readonly string[]>>;

export interface TimeRow {
  readonly statistic: Kind;
  readonly peer: string;
  /** Of the medians over rounds, milliseconds. */
  readonly ours: Times;
  readonly theirs: Times;
  /** Medians over rounds of ours over theirs in the same round. */
  readonly wholeRatio: number;
  readonly batchRatio: number;
  /** Values that both looked at. */
  readonly tensors: number;
  /** Of minmax: the largest difference between two ends of a range, over the larger magnitude. */
  readonly difference?: number;
}

interface Times {
  /** From the file to what was found. */
  readonly whole: number;
  readonly batch: number;
}

export interface MemoryRow {
  readonly statistic: string;
  readonly samples: number;
  /** In each. */
  readonly tokens: number;
  /** Peak, bytes: of our two processes together; of Python's one. */
  readonly memory: number;
}

export interface ObservationRows {
  readonly times: readonly TimeRow[];
  readonly memory: readonly MemoryRow[];
  readonly versions: Readonly<Record<string, string>>;
}

/** Observing MiniLM and calibrating it in Python, on the same batches of text and as many threads, by turns. */
export async function observationRows(): Promise<ObservationRows> {
  const python = pythonWith(REQUIREMENTS);
  const folder = mkdtempSync(join(tmpdir(), 'tersor-observe-'));
  try {
    const batches = windows(BATCHES, BATCH, LENGTH);
    writeFeeds(folder, batches);
    const times: TimeRow[] = [];
    let versions: Readonly<Record<string, string>> = {};
    const memory: MemoryRow[] = [];
    for (const statistic of ['range', 'histogram', 'gram'] as const) {
      for (const [samples, tokens] of MEMORIES) {
        const printed = execFileSync(process.execPath, [TSX, MEMORY, statistic, String(samples), String(tokens)], { encoding: 'utf8' });
        memory.push({ statistic, samples, tokens, memory: Number(printed) });
        show(memory.at(-1));
      }
    }
    for (const [statistic, peers] of Object.entries(PEERS) as [keyof typeof PEERS, readonly string[]][]) {
      for (const peer of python ? peers : []) {
        const { row, end } = await race(statistic, peer, python ?? '', folder, batches.map(toFeeds));
        times.push(row);
        memory.push({ statistic: `Python ${peer}`, samples: BATCHES * BATCH, tokens: LENGTH, memory: end.memory });
        versions = end.versions;
        show(row);
        show(memory.at(-1));
      }
    }
    return { times, memory, versions };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function show(row: unknown): void {
  console.log(JSON.stringify(row));
}

interface End {
  readonly ms: number;
  readonly ranges: Readonly<Record<string, readonly [number, number]>>;
  readonly memory: number;
  readonly versions: Readonly<Record<string, string>>;
}

async function race(statistic: Kind, peer: string, python: string, folder: string, batches: readonly Feeds[]) {
  const rounds: {
    readonly ours: Times;
    readonly theirs: Times;
    readonly end: End;
    readonly extremes: ReadonlyMap<string, readonly [number, number]>;
  }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const calibrator = startCalibrator(python, peer, folder);
    const setUp = await calibrator.ask<{ readonly ms: number }>('setup');
    const theirs: number[] = [];
    const ours: number[] = [];
    let waited = 0;
    const start = performance.now();
    const { observations, found } = await observeMiniLM(statistic, batches, {
      around: async (batch) => {
        const before = performance.now();
        theirs.push((await calibrator.ask<{ readonly ms: number }>('batch')).ms);
        waited += performance.now() - before;
        const own = performance.now();
        await batch();
        ours.push(performance.now() - own);
      },
    });
    const whole = performance.now() - start - waited;
    const end = await calibrator.ask<End>('end');
    calibrator.close();
    const extremes = new Map<string, readonly [number, number]>();
    for (const { subject } of observations) {
      if (subject.of !== 'value') continue;
      const range =
        statistic === 'histogram' ? await found.get(ofValue(subject.id, 'histogram')) : await found.get(ofValue(subject.id, 'range'));
      if (range) extremes.set(subject.id, [range.min, range.max]);
    }
    rounds.push({
      ours: { whole, batch: median(ours) },
      theirs: { whole: setUp.ms + theirs.reduce((sum, ms) => sum + ms, 0) + end.ms, batch: median(theirs) },
      end,
      extremes,
    });
  }
  const of = (pick: (round: (typeof rounds)[number]) => number) => median(rounds.map(pick));
  const [{ end, extremes }] = rounds as [(typeof rounds)[number]];
  const both = [...extremes].flatMap(([name, [min, max]]) =>
    end.ranges[name] ? [{ own: [min, max] as const, other: end.ranges[name] }] : [],
  );
  const apart = both.flatMap(({ own, other }) =>
    own.map((x, i) => Math.abs(x - other[i]!) / Math.max(...own.map(Math.abs), ...other.map(Math.abs))),
  );
  const row: TimeRow = {
    statistic,
    peer,
    ours: { whole: of(({ ours }) => ours.whole), batch: of(({ ours }) => ours.batch) },
    theirs: { whole: of(({ theirs }) => theirs.whole), batch: of(({ theirs }) => theirs.batch) },
    wholeRatio: of(({ ours, theirs }) => ours.whole / theirs.whole),
    batchRatio: of(({ ours, theirs }) => ours.batch / theirs.batch),
    tensors: both.length,
    ...(peer === 'minmax' && { difference: Math.max(...apart) }),
  };
  return { row, end };
}

/** A peer that does the next piece of its work when it is asked. */
function startCalibrator(python: string, method: string, folder: string) {
  const augmented = join(folder, `${method}.onnx`);
  const child = spawn(python, [CALIBRATE, method, MINILM, folder, augmented, String(THREADS)], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask<T>(what: string): Promise<T> {
      child.stdin.write(`${what}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the calibrator ${method} ended early`);
      return JSON.parse(value);
    },
    close: () => void child.stdin.end(),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** What does not hold of what observing is to show. */
export function missedBy({ times, memory }: ObservationRows): string[] {
  const missed: string[] = [];
  const of = (statistic: string, long: boolean) =>
    memory.filter((row) => row.statistic === statistic && (row.tokens === LENGTH) === long).map((row) => row.memory);
  const [entropy = Number.POSITIVE_INFINITY] = of('Python entropy', true);
  for (const statistic of ['range', 'histogram', 'gram']) {
    const peaks = of(statistic, false);
    if (Math.max(...peaks) > 1.1 * Math.min(...peaks)) missed.push(`the memory of ${statistic} grows with samples`);
    if (Math.max(...of(statistic, true)) > entropy / 2) missed.push(`${statistic} takes more than half of the entropy calibrator's memory`);
  }
  for (const { statistic, peer, wholeRatio, batchRatio, difference = 0, tensors } of times) {
    const [most, mostABatch] = statistic === 'range' ? [0.9, 1.15] : [0.5, Number.POSITIVE_INFINITY];
    if (wholeRatio > most) missed.push(`${statistic} takes ${wholeRatio.toFixed(2)} of the time of ${peer}`);
    if (batchRatio > mostABatch) missed.push(`a batch of ${statistic} takes ${batchRatio.toFixed(2)} of the time of ${peer}`);
    if (tensors !== 96 || difference > 1e-4) missed.push(`${statistic} is not what ${peer} finds`);
  }
  return missed;
}
