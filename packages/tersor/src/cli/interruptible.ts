import { TersorError } from '../core/error.ts';
import { INTERRUPTED } from './exit-status.ts';
import type { Screen } from './shell.ts';

/** Ctrl-C, a supervisor, a terminal that is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` with a signal that the first Ctrl-C aborts, so that it can take back what it began; a second one ends the process at once.
 * @throws INTERRUPTED in place of whatever the work threw when it was stopped
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>, err: Screen): Promise<T> {
  const controller = new AbortController();
  const stopped = new TersorError('INTERRUPTED', 'tersor', 'stopped on request; nothing was left behind');
  const stop = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort(stopped);
    err.write(`${err.live ? '\r\u001b[2K' : ''}${err.colors.yellow('Stopping')} and cleaning up. Again to stop at once.\n`);
  };
  for (const name of SIGNALS) process.on(name, stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? stopped : error;
  } finally {
    for (const name of SIGNALS) process.off(name, stop);
  }
}
