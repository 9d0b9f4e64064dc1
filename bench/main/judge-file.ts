import { readFileSync, statSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import type { Engine, Feeds, Value } from '../../packages/tersor/src/core/engine.ts';
import { openEngine } from '../../packages/tersor/src/engine/engine-node.ts';
import { latency } from '../../packages/tersor/src/evaluate/latency.ts';
import { digestOf, digestOfSources, remember } from '../cache.ts';
import type { BenchModel } from '../models.ts';
import type { Scores, Task, Tensors } from '../tasks/task.ts';

/** A shape on which a file is this much slower says enough; larger ones only take longer. */
const HOPELESS = 2;
const ROUNDS = { minRounds: 10, maxMs: 3000 };

/** What a file is worth. */
interface Judgement {
  /** Before and after. */
  readonly scores: readonly [Scores, Scores];
  /** Part of the task's measure that is lost. */
  readonly loss: number;
  /** Latency over the original's by input shape: both in one process, by turns, one intra-op thread. */
  readonly ratios: Readonly<Record<string, number>>;
  /** The worst of them. */
  readonly latency: number;
}

/** One original with its task, against which files are judged. */
export interface Judge {
  /** @throws what the runtime says when it refuses the file */
  judge(path: string): Promise<Judgement>;
  close(): Promise<void>;
}

export async function openJudge({ path: original }: BenchModel, task: Task): Promise<Judge> {
  const sources = digestOfSources(new URL('../tasks/', import.meta.url));
  const reference = readFileSync(original);
  const score = (path: string) => remember(digestOf(task.id, sources, reference, readFileSync(path)), () => task.score(path, original));
  const before = await score(original);
  const engine = await openEngine({ target: 'node' });
  const feeds = task.timing().map(toFeeds);
  return {
    async judge(path) {
      const after = await score(path);
      const ratios = await race(engine, original, path, feeds);
      return { scores: [before, after], loss: task.loss(before, after), ratios, latency: Math.max(...Object.values(ratios)) };
    },
    close: () => engine.close(),
  };
}

async function race(engine: Engine, original: string, path: string, shapes: readonly Feeds[]): Promise<Record<string, number>> {
  const [before, after] = [await engine.open({ path: original }), await engine.open({ path })];
  const ratios: Record<string, number> = {};
  for (const feeds of shapes) {
    const { ratio } = await latency(engine, before, after, [feeds], ROUNDS);
    ratios[(Object.values(feeds)[0]?.shape ?? []).join('x')] = ratio;
    if (ratio > HOPELESS) break;
  }
  await before.close();
  await after.close();
  return ratios;
}

export function toFeeds(tensors: Tensors): Feeds {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { data, dims }]): [string, Value] => {
      if (data instanceof Float32Array) return [name, { dtype: 'f32', shape: dims, data }];
      if (data instanceof BigInt64Array) return [name, { dtype: 'i64', shape: dims, data }];
      throw new Error(`${name} has neither floats nor integers`);
    }),
  );
}

export function bytesOf(path: string): number {
  return statSync(path).size;
}

/** Bytes after brotli, quality 9: what a server does that compresses ahead of time but wants to finish today. */
export function brotli(path: string): Promise<number> {
  const bytes = readFileSync(path);
  return remember(
    digestOf('brotli 9', bytes),
    () => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 } }).length,
  );
}
