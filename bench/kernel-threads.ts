import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import type { Kernels, QuantizeSpec } from '../packages/tersor/dist/core/kernels.js';
import { openKernels } from '../packages/tersor/dist/kernels/open-kernels.js';

const ROWS = 14648;
const COLUMNS = 1536;
const ROUNDS = 12;

/** What a number of workers makes of one search, beside no workers at all. */
export interface ThreadsRow {
  readonly threads: number;
  /** Best of the rounds, by the clock: what a user waits. It takes free processors. */
  readonly milliseconds: number;
  /** Least of the rounds, all threads together. */
  readonly processorMilliseconds: number;
  /** Times faster than without workers, by the clock. */
  readonly gain: number;
  /** Processor time over that without workers: what moving the bytes costs, on busy machines too. */
  readonly overhead: number;
}

/** The search for scales (`fit: 'mse'`, 4 bits, one scale a row) over a matrix of 90 MB, with no, one and two workers in turns. */
export async function measureThreads(): Promise<ThreadsRow[]> {
  const values = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => 0.04 * Math.sin(i * 1.7) * Math.sin(i * 0.37) ** 3);
  const spec: QuantizeSpec = { rows: ROWS, columns: COLUMNS, block: COLUMNS, bits: 4, symmetric: true, fit: 'mse', scale: 'f16' };
  const opened = await Promise.all(
    [0, 1, 2].map(async (threads) => ({ threads, kernels: await openKernels({ threads }), rounds: [] as Round[] })),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const { kernels, rounds } of opened) rounds.push(await timed(kernels, values, spec));
  }
  await Promise.all(opened.map(({ kernels }) => kernels.close()));
  const bests = opened.map(({ threads, rounds }) => ({
    threads,
    milliseconds: Math.min(...rounds.map(({ milliseconds }) => milliseconds)),
    processorMilliseconds: Math.min(...rounds.map(({ processorMilliseconds }) => processorMilliseconds)),
  }));
  const [alone] = bests;
  if (!alone) return [];
  return bests.map((best) => ({
    ...best,
    gain: alone.milliseconds / best.milliseconds,
    overhead: best.processorMilliseconds / alone.processorMilliseconds,
  }));
}

interface Round {
  readonly milliseconds: number;
  readonly processorMilliseconds: number;
}

async function timed(kernels: Kernels, values: Float32Array, spec: QuantizeSpec): Promise<Round> {
  const before = process.cpuUsage();
  const start = performance.now();
  await kernels.quantize(values, spec);
  const milliseconds = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  return { milliseconds, processorMilliseconds: (user + system) / 1000 };
}

const LOOP = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', (count) => {
  let x = 0;
  for (let i = 0; i < count; i++) x = (Math.imul(x, 31) + i) | 0;
  parentPort.postMessage(x);
});`;

/** The most that two threads can gain on this machine at this time: plain loops that share nothing, one on one worker beside two on two. */
export async function measureFreeProcessors(): Promise<number> {
  const workers = [new Worker(LOOP, { eval: true }), new Worker(LOOP, { eval: true })];
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, count] of [1, 2].entries()) {
      const start = performance.now();
      await Promise.all(workers.slice(0, count).map(loop));
      best[i] = Math.min(best[i] ?? 0, performance.now() - start);
    }
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  return (2 * (best[0] ?? Number.NaN)) / (best[1] ?? Number.NaN);
}

function loop(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('message', () => resolve());
    worker.postMessage(1e8);
  });
}
