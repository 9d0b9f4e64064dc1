import { TersorError } from '../core/error.ts';
import { startWorker, type WorkerHandle } from './start-worker.ts';
import type { Answer, Result, Unit } from './unit.ts';

/** Workers that take units as they become free. They start when there is work, and never keep an idle process alive. */
export interface Pool {
  /** Runs a unit on the next free worker. `cut` makes it only then, so that waiting units hold no memory. */
  run(cut: Cut): Promise<Result>;
  /** False where there are no workers, and once one died before any of them ever answered: a bundle without worker.js, a strict page. */
  works(): boolean;
  /** Ends the workers; what is still running or waiting is rejected with INTERRUPTED. */
  close(): Promise<void>;
}

/** Makes a unit, in the memory of an earlier one if that is large enough. */
type Cut = (memory: ArrayBuffer | undefined) => Unit;

interface Job {
  readonly cut: Cut;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: TersorError) => void;
}

interface Member {
  readonly worker: WorkerHandle;
  job: Job | undefined;
  /** What the last unit was in. */
  memory: ArrayBuffer | undefined;
}

export function openPool(threads: number, module: WebAssembly.Module): Pool {
  const waiting: Job[] = [];
  const members = new Set<Member>();
  let isClosed = false;
  let hasAnswered = false;
  let hasFailed = threads === 0;

  function next(): void {
    while (waiting.length > 0) {
      const free = [...members].find(({ job }) => !job) ?? hire();
      if (!free) return;
      const job = waiting.shift();
      if (!job) return;
      free.job = job;
      free.worker.keepAlive(true);
      try {
        free.worker.send(job.cut(free.memory));
      } catch (error) {
        release(free);
        job.reject(crash(error));
      }
    }
  }

  function hire(): Member | undefined {
    if (members.size >= threads) return undefined;
    const worker = startWorker(module, { answer: (answer) => finish(member, answer), failed: (reason) => bury(member, reason) });
    if (!worker) return abandon();
    const member: Member = { worker, job: undefined, memory: undefined };
    members.add(member);
    return member;
  }

  /** The platform has no workers. */
  function abandon(): undefined {
    hasFailed = true;
    for (const job of waiting.splice(0)) job.reject(crash('this platform has none'));
  }

  function release(member: Member): Job | undefined {
    const { job } = member;
    member.job = undefined;
    member.worker.keepAlive(false);
    return job;
  }

  function finish(member: Member, answer: Answer): void {
    const job = release(member);
    hasAnswered = true;
    member.memory = 'memory' in answer ? answer.memory : undefined;
    if ('result' in answer) job?.resolve(answer.result);
    else job?.reject(new TersorError(answer.code, 'kernels', answer.message));
    next();
  }

  function bury(member: Member, reason: unknown): void {
    if (!members.delete(member)) return;
    hasFailed = true;
    member.job?.reject(isClosed ? interrupted() : crash(reason));
    next();
  }

  return {
    run: (cut) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(new TersorError('USAGE', 'kernels', 'they are closed'));
        waiting.push({ cut, resolve, reject });
        next();
      }),
    works: () => hasAnswered || !hasFailed,
    async close() {
      isClosed = true;
      for (const job of waiting.splice(0)) job.reject(interrupted());
      await Promise.all([...members].map(({ worker }) => worker.terminate()));
      for (const member of members) bury(member, 'closed');
    },
  };
}

function crash(reason: unknown): TersorError {
  const what = reason instanceof Error ? reason.message : String(reason);
  return new TersorError('INTERNAL', 'kernels', `a worker failed: ${what}`, 'try again with one thread', { cause: reason });
}

function interrupted(): TersorError {
  return new TersorError('INTERRUPTED', 'kernels', 'closed while working');
}
