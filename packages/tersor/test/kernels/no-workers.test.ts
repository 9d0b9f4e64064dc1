import { expect, it, vi } from 'vitest';
import type { QuantizeSpec } from '../../src/core/kernels.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import type { WorkerEvents, WorkerHandle } from '../../src/kernels/start-worker.ts';
import { sameBits } from './bits.ts';
import { gaussian } from './values.ts';

const platform = vi.hoisted(() => ({ start: (_events: unknown): unknown => undefined }));
vi.mock('../../src/kernels/start-worker.ts', () => ({
  startWorker: (_: WebAssembly.Module, events: WorkerEvents) => platform.start(events),
  availableThreads: () => 2,
}));

const spec: QuantizeSpec = { rows: 512, columns: 256, block: 32, bits: 4, symmetric: true, fit: 'mse', scale: 'f32' };
const values = gaussian(spec.rows * spec.columns, 1);

/** A worker that dies as soon as it is asked, as where worker.js was not bundled. */
function stillborn(events: WorkerEvents): WorkerHandle {
  return {
    send: () => queueMicrotask(() => events.failed(new Error('no such file'))),
    keepAlive: () => {},
    terminate: async () => {},
  };
}

it.each([
  { name: 'there are none', start: () => undefined },
  { name: 'they cannot start', start: stillborn },
])('does the work where it is called when $name', async ({ start }) => {
  platform.start = start as typeof platform.start;
  const [kernels, alone] = await Promise.all([openKernels({ threads: 2 }), openKernels({ threads: 0 })]);
  const expected = await alone.quantize(values, spec);
  sameBits(await kernels.quantize(values, spec), expected);
  sameBits(await kernels.quantize(values, spec), expected);
  await kernels.close();
  await expect(kernels.quantize(values, spec)).rejects.toThrow('[USAGE]');
});
