import { basename } from 'node:path';
import { abortable } from '../core/abortable.ts';
import type { Feeds, Session } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { loadModule } from './module-node.ts';
import { toFeeds } from './to-feeds.ts';

/** What a user's measure is given instead of our session: it takes whatever data files may hold, and gives typed arrays with shapes. */
export interface EvaluationSession {
  readonly inputs: Session['inputs'];
  readonly outputs: Session['outputs'];
  run(feeds: Readonly<Record<string, unknown>>): Promise<Feeds>;
}

/** The inputs that `--data` names, for measures that want them: prepared, and of the half that is judged. */
export interface EvaluationContext {
  readonly samples: readonly EvaluationSample[];
  /** What the classes are called, where something says so. */
  readonly classes: readonly string[] | undefined;
}

export interface EvaluationSample {
  readonly id: string;
  /** What is right, where the data says so. */
  readonly labels: NonNullable<Sample['labels']>;
  /** The inputs of the first, mostly the only step. */
  readonly feeds: Feeds;
  readonly steps: readonly Feeds[];
}

/** What the default export of a module for `--eval` is. Higher is better; a list has the score of every example. */
export type Evaluate = (
  session: EvaluationSession,
  context: EvaluationContext,
) => Promise<number | readonly number[] | Readonly<Record<string, number | readonly number[]>>>;

/** A user's own measure. */
export interface Evaluation {
  /** It looks at the samples, so that it is another measure for other ones. */
  readonly usesSamples: boolean;
  measure(session: Session, samples: Pick<Samples, 'samples' | 'classes'>): Promise<unknown>;
}

/**
 * A user's own measure: the default export of a module, `async (session, { samples, classes }) => scores`; see `toScores`.
 * @throws DATA_INVALID when it is no function, or fails
 */
export async function openEvaluation(path: string, signal?: AbortSignal): Promise<Evaluation> {
  const name = basename(path);
  const measure = await abortable(loadModule(path), signal);
  if (typeof measure !== 'function')
    throw new TersorError('DATA_INVALID', name, 'its default export is no function', 'export default async (session) => score');
  const run = async (session: Session, { samples, classes }: Pick<Samples, 'samples' | 'classes'>): Promise<unknown> => {
    const { inputs, outputs } = session;
    const given: EvaluationSession = { inputs, outputs, run: async (feeds) => session.run(toFeeds(feeds, { inputs, links: [] }, name)) };
    try {
      return await abortable(measure(given, { samples: samples.map(toEvaluated), classes } satisfies EvaluationContext), signal);
    } catch (error) {
      if (error instanceof TersorError || signal?.aborted) throw error;
      throw new TersorError('DATA_INVALID', name, error instanceof Error ? error.message : String(error), '', { cause: error });
    }
  };
  return { usesSamples: measure.length > 1, measure: run };
}

function toEvaluated({ id, labels = [], steps }: Sample): EvaluationSample {
  return { id, labels, feeds: steps[0] ?? {}, steps };
}
