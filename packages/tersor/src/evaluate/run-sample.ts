import type { Feeds, Session } from '../core/engine.ts';
import type { Sample } from '../core/samples.ts';
import type { StateLink } from '../core/state-links.ts';

/** Steps that are asked for at once: many enough that asking costs little, few enough that their outputs take little memory. */
const STEPS = 64;

/**
 * Runs a sample step by step; state goes from each step to the next, unless the data gives it.
 * @returns the outputs of every step, and what the step was fed, state included
 */
export async function* runSample(
  session: Session,
  { steps }: Sample,
  links: readonly StateLink[],
): AsyncGenerator<{ readonly feeds: Feeds; readonly outputs: Feeds }> {
  let state: Feeds = {};
  for (let from = 0; from < steps.length; from += STEPS) {
    const [first = {}, ...others] = steps.slice(from, from + STEPS);
    const given = [{ ...state, ...first }, ...others];
    const found = await (session.runSteps && given.length > 1 ? session.runSteps(given, links) : oneByOne(session, given, links));
    for (const [index, outputs] of found.entries()) {
      yield { feeds: { ...state, ...given[index] }, outputs };
      state = stateAfter(outputs, links);
    }
  }
}

async function oneByOne(session: Session, steps: readonly Feeds[], links: readonly StateLink[]): Promise<Feeds[]> {
  const found: Feeds[] = [];
  for (const step of steps) found.push(await session.run({ ...stateAfter(found.at(-1) ?? {}, links), ...step }));
  return found;
}

function stateAfter(outputs: Feeds, links: readonly StateLink[]): Feeds {
  return Object.fromEntries(links.flatMap(({ input, output }) => (outputs[output] ? [[input, outputs[output]]] : [])));
}
