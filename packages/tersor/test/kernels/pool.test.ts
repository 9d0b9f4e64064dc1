import { afterAll, beforeEach, expect, it, vi } from 'vitest';
import type { Quantized } from '../../src/core/kernels.ts';
import { openPool } from '../../src/kernels/pool.ts';
import type { WorkerEvents, WorkerHandle } from '../../src/kernels/start-worker.ts';
import type { Result, Unit } from '../../src/kernels/unit.ts';

/** Workers that answer when the test says so. */
const started: { events: WorkerEvents; sent: Unit[]; alive: boolean }[] = [];
vi.mock('../../src/kernels/start-worker.ts', () => ({
  startWorker(_: WebAssembly.Module, events: WorkerEvents): WorkerHandle {
    const worker = { events, sent: [] as Unit[], alive: true };
    started.push(worker);
    return {
      send: (unit) => worker.sent.push(unit),
      keepAlive: (keep) => {
        worker.alive = keep;
      },
      terminate: async () => {},
    };
  },
}));
beforeEach(() => started.splice(0));
afterAll(() => vi.restoreAllMocks());

/** No kernels: nothing is computed. */
const module = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
const spec = { rows: 1, columns: 1, block: 1, bits: 8, symmetric: true, fit: 'mse', scale: 'f32' } as const;
const unit = (value: number) => () => ({ values: Float32Array.of(value), spec });
const blocks = (code: number): Quantized => ({ codes: Uint8Array.of(code), scales: Float32Array.of(1), bits: 8, peak: 1 });
const codeOf = (result: Result) => ('codes' in result ? result.codes[0] : undefined);
const done = (code: number) => ({ result: blocks(code), memory: new ArrayBuffer(code) });

it('starts workers only for waiting units, at most as many as allowed, and lets idle ones go', async () => {
  const pool = openPool(2, module);
  expect(started.length).toBe(0);
  const results = [1, 2, 3].map((value) => pool.run(unit(value)));
  expect(started.map(({ sent }) => sent.length)).toEqual([1, 1]);
  started[1]!.events.answer(done(2));
  started[0]!.events.answer(done(1));
  expect(started.map(({ sent }) => sent.length)).toEqual([1, 2]);
  started[1]!.events.answer(done(3));
  expect((await Promise.all(results)).map(codeOf)).toEqual([1, 2, 3]);
  expect(started.map(({ alive }) => alive)).toEqual([false, false]);
});

it('hands on what a worker says went wrong, and goes on with the worker', async () => {
  const pool = openPool(1, module);
  const bad = pool.run(unit(1));
  const good = pool.run(unit(2));
  started[0]!.events.answer({ code: 'SHAPE', message: 'too long a row' });
  started[0]!.events.answer(done(2));
  await expect(bad).rejects.toThrow('kernels: too long a row [SHAPE]');
  expect(codeOf(await good)).toBe(2);
});

it('rejects the unit of a worker that died, and replaces the worker', async () => {
  const pool = openPool(1, module);
  const lost = pool.run(unit(1));
  const next = pool.run(unit(2));
  started[0]!.events.failed(new Error('out of memory'));
  await expect(lost).rejects.toThrow('a worker failed: out of memory');
  started[1]!.events.answer(done(2));
  expect(codeOf(await next)).toBe(2);
});

it('offers the memory that a worker sent back to the next unit of that worker', async () => {
  const pool = openPool(1, module);
  const offered: (number | undefined)[] = [];
  const cut = (value: number) => (memory: ArrayBuffer | undefined) => {
    offered.push(memory?.byteLength);
    return unit(value)();
  };
  const results = [7, 8].map((value) => pool.run(cut(value)));
  started[0]!.events.answer(done(7));
  started[0]!.events.answer(done(8));
  await Promise.all(results);
  expect(offered).toEqual([undefined, 7]);
});

it('rejects a unit that cannot be cut', async () => {
  const pool = openPool(1, module);
  const cut = () => {
    throw new RangeError('Array buffer allocation failed');
  };
  await expect(pool.run(cut)).rejects.toThrow('Array buffer allocation failed');
  expect(started[0]!.alive).toBe(false);
});

it('stops counting on workers when the first one dies before any answer', async () => {
  const pool = openPool(2, module);
  expect(pool.works()).toBe(true);
  const lost = pool.run(unit(1));
  started[0]!.events.failed(new Error('no such file'));
  await expect(lost).rejects.toThrow('no such file');
  expect(pool.works()).toBe(false);
});
