import type { Session } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import type { Model } from '../core/model.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { stateLinks } from '../core/state-links.ts';
import { channelAxis } from './guess-role.ts';
import { type Sizes, sizeCandidates } from './sizes.ts';
import { explainGuess, type Guess, guessInputs, synthesize } from './synthesize.ts';

export interface SettleOptions {
  readonly samples: number;
  readonly seed: number;
  /** With it, ids stay inside the tables that they look up. */
  readonly model?: Model;
}

/**
 * Made-up samples that the model accepts: sizes which it leaves open are tried, the likeliest first, until one runs. Whether sequences may have
 * different lengths is tried, too.
 * @throws DATA_INVALID when it refuses every guess, ENGINE_CRASHED, INTERRUPTED
 */
export async function settle(session: Session, { samples, seed, model }: SettleOptions): Promise<Samples> {
  const wanted = { inputs: inputsOf(session, model), links: stateLinks(session.inputs, session.outputs) };
  const guesses = guessInputs(wanted.inputs, wanted.links, model);
  const open = new Set(guesses.flatMap((guess) => [...guess.open.values()]));
  const make = (sizes: Sizes, count: number, vary: boolean) => synthesize(guesses, wanted, { sizes, count, seed, vary });
  let refusal = 'it has no inputs';
  for (const sizes of sizeCandidates(open, fixedHeight(guesses), wanted.links.length > 0)) {
    const reason = await tryRun(session, make(sizes, 1, false));
    if (reason !== undefined) {
      refusal = reason;
      continue;
    }
    const extremes = [
      { ...sizes, sequence: Math.max(1, Math.round(sizes.sequence / 4)) },
      { ...sizes, sequence: sizes.sequence * 2 },
    ];
    const vary =
      (open.has('sequence') || hasMask(guesses)) &&
      (await tryRun(
        session,
        extremes.flatMap((size) => make(size, 1, false)),
      )) === undefined;
    const made = make(sizes, samples, vary);
    return {
      evidence: 'synthetic',
      source: `synthetic (seed ${seed})`,
      samples: made,
      notes: [...guesses.map(explainGuess), shapesOf(made)],
    };
  }
  throw new TersorError(
    'DATA_INVALID',
    'synthetic inputs',
    `the model refuses every guess; the last refusal: ${refusal}`,
    'give it real inputs with --data',
  );
}

/** The runtime cannot tell a scalar from an unknown rank; the file can. */
function inputsOf(session: Session, model: Model | undefined): readonly ValueInfo[] {
  const stated = new Map(model?.graph?.inputs.map((info) => [info.name, info]));
  return session.inputs.map((info) => {
    const shape = stated.get(info.name)?.shape;
    return shape && info.shape?.length === shape.length ? info : { ...info, ...(shape && { shape }) };
  });
}

/** Why the model does not take the samples, or undefined when it does. */
async function tryRun(session: Session, samples: readonly Sample[]): Promise<string | undefined> {
  try {
    for (const { steps } of samples) if (steps[0]) await session.run(steps[0]);
    return undefined;
  } catch (error) {
    if (error instanceof TersorError && (error.code === 'RUN_FAILED' || error.code === 'DATA_INVALID')) return error.message;
    throw error;
  }
}

function fixedHeight(guesses: readonly Guess[]): number | undefined {
  for (const { info, role, open } of guesses) {
    if (role !== 'image' || ![...open.values()].includes('width') || [...open.values()].includes('height')) continue;
    const height = info.shape?.[channelAxis(info) === 3 ? 1 : 2];
    if (typeof height === 'number') return height;
  }
  return undefined;
}

function hasMask(guesses: readonly Guess[]): boolean {
  return guesses.some(({ role }) => role === 'mask');
}

function shapesOf([first]: readonly Sample[]): string {
  const shapes = Object.entries(first?.steps[0] ?? {}).map(([name, { shape }]) => `${name} [${shape.join(',')}]`);
  return `first sample: ${shapes.join(', ')}`;
}
