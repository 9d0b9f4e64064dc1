import { basename } from 'node:path';
import { abortable } from '../core/abortable.ts';
import type { Feeds, Session } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import { loadModule } from './module-node.ts';
import { toFeeds } from './to-feeds.ts';

/** What a user's measure is given instead of our session: it takes whatever data files may hold, and gives typed arrays with shapes. */
export interface EvaluationSession {
  readonly inputs: Session['inputs'];
  readonly outputs: Session['outputs'];
  run(feeds: Readonly<Record<string, unknown>>): Promise<Feeds>;
}

/**
 * A user's own measure: the default export of a module, `async (session) => number | Record<string, number>`.
 * @throws DATA_INVALID when it is no function, or fails
 */
export async function openEvaluation(path: string, signal?: AbortSignal): Promise<(session: Session) => Promise<unknown>> {
  const name = basename(path);
  const measure = await abortable(loadModule(path), signal);
  if (typeof measure !== 'function')
    throw new TersorError('DATA_INVALID', name, 'its default export is no function', 'export default async (session) => score');
  return async (session) => {
    const { inputs, outputs } = session;
    const given: EvaluationSession = { inputs, outputs, run: async (feeds) => session.run(toFeeds(feeds, { inputs, links: [] }, name)) };
    try {
      return await abortable(measure(given), signal);
    } catch (error) {
      if (error instanceof TersorError || signal?.aborted) throw error;
      throw new TersorError('DATA_INVALID', name, error instanceof Error ? error.message : String(error), '', { cause: error });
    }
  };
}
