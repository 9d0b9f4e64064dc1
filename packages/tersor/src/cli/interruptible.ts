import { TersorError } from '../core/error.ts';
import { INTERRUPTED } from './exit-status.ts';
import type { InterruptibleOptions, Interruptions, Screen } from './shell.ts';

/** Ctrl-C, a supervisor, a terminal that is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` with a signal that the first Ctrl-C aborts, so that it can take back what it began; the next one ends the process at once.
 * @throws INTERRUPTED in place of whatever the work threw when it was stopped
 */
export async function interruptible<T>(
  work: (interruptions: Interruptions) => Promise<T>,
  err: Screen,
  { keeps = false, leaves = false }: InterruptibleOptions = {},
): Promise<T> {
  const controller = new AbortController();
  const enough = new AbortController();
  const stopped = new TersorError(
    'INTERRUPTED',
    'tersor',
    leaves ? 'stopped on request; --resume goes on' : 'stopped on request; nothing was left behind',
  );
  const say = (what: string, then: string) => err.write(`${err.live ? '\r\u001b[2K' : ''}${err.colors.yellow(what)} ${then}\n`);
  const stop = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    if (keeps && !enough.signal.aborted) {
      enough.abort();
      say('Finishing', 'with the best so far. Again to stop and leave nothing.');
      return;
    }
    controller.abort(stopped);
    say('Stopping', leaves ? 'and leaving what is written for --resume.' : 'and cleaning up. Again to stop at once.');
  };
  for (const name of SIGNALS) process.on(name, stop);
  try {
    return await work({ signal: controller.signal, enough: enough.signal });
  } catch (error) {
    throw controller.signal.aborted ? stopped : error;
  } finally {
    for (const name of SIGNALS) process.off(name, stop);
  }
}
