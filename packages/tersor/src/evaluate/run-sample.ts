import type { Feeds, Session } from '../core/engine.ts';
import type { Sample } from '../core/samples.ts';
import type { StateLink } from '../core/state-links.ts';

/** Runs a sample step by step; state goes from each step to the next, unless the data gives it. @returns the outputs of every step */
export async function* runSample(
  session: Session,
  { steps }: Sample,
  links: readonly StateLink[],
): AsyncGenerator<{ readonly feeds: Feeds; readonly outputs: Feeds }> {
  let state: Feeds = {};
  for (const step of steps) {
    const feeds = { ...state, ...step };
    const outputs = await session.run(feeds);
    state = Object.fromEntries(links.flatMap(({ input, output }) => (outputs[output] ? [[input, outputs[output]]] : [])));
    yield { feeds, outputs };
  }
}
