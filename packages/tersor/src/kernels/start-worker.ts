import type { Answer, Message, Unit } from './unit.ts';

/** A worker, whatever platform it runs on. */
export interface WorkerHandle {
  send(unit: Unit): void;
  /** Whether the process should stay alive for it; browsers have no such notion. */
  keepAlive(keep: boolean): void;
  terminate(): Promise<void>;
}

export interface WorkerEvents {
  answer(answer: Answer): void;
  /** The worker died, or could not be started; it answers nothing any more. */
  failed(reason: unknown): void;
}

/** Starts a worker with these kernels; undefined where there are none. The URL stays a literal, for bundlers look for exactly this form. */
export function startWorker(module: WebAssembly.Module, events: WorkerEvents): WorkerHandle | undefined {
  const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads');
  if (threads) {
    // The process's own flags are not for the worker: --input-type, --import and others make it fail.
    const worker = new threads.Worker(new URL('./worker.js', import.meta.url), { execArgv: [] });
    worker.postMessage({ module } satisfies Message);
    worker.on('message', events.answer);
    worker.on('messageerror', events.failed);
    worker.on('error', events.failed);
    worker.on('exit', (status) => events.failed(`it ended with status ${status}`));
    return {
      send: (unit) => worker.postMessage(unit, [unit.values.buffer]),
      keepAlive: (keep) => (keep ? worker.ref() : worker.unref()),
      terminate: async () => void (await worker.terminate()),
    };
  }
  if (typeof Worker === 'undefined') return undefined;
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.postMessage({ module } satisfies Message);
  worker.onmessage = ({ data }) => events.answer(data);
  worker.onmessageerror = events.failed;
  worker.onerror = (event) => events.failed(event.message);
  return {
    send: (unit) => worker.postMessage(unit, [unit.values.buffer]),
    keepAlive: () => {},
    terminate: async () => worker.terminate(),
  };
}

/** Processors that may work at the same time. */
export function availableThreads(): number {
  const os = globalThis.process?.getBuiltinModule?.('node:os');
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}
