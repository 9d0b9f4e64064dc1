import type { Feeds, Session, Value } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import type { Model } from '../core/model.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { type StateLink, stateLinks } from '../core/state-links.ts';
import { hasGrowingState } from './growing-state.ts';
import { channelAxis } from './guess-role.ts';
import { type Sizes, sizeCandidates } from './sizes.ts';
import { explainGuess, type Guess, guessInputs, type Making, synthesize } from './synthesize.ts';

export interface SettleOptions {
  readonly samples: number;
  readonly seed: number;
  /** With it, ids stay inside the tables that they look up. */
  readonly model?: Model;
}

/** Scales of features to try: a network far outside of its range answers the same to everything. */
const GAINS = [1, 4, 0.25, 16, 0.06];

/** Outputs that differ by less than this part of their size do not listen to their inputs. */
const MIN_VARIATION = 1e-3;

/**
 * Made-up samples that the model accepts: sizes which it leaves open are tried, the likeliest first, until one runs. Whether sequences may have
 * different lengths is tried, too, and so is the scale of features, until the outputs tell them apart.
 * @throws DATA_INVALID when it refuses every guess, ENGINE_CRASHED, INTERRUPTED
 */
export async function settle(session: Session, { samples, seed, model }: SettleOptions): Promise<Samples> {
  const { wanted, guesses, make, open, sizes } = await settleSizes(session, { seed, ...(model && { model }) });
  const vary = (open.has('sequence') || hasMask(guesses)) && (await takesLengths(session, sizes, make));
  const gain = guesses.some(({ role }) => role === 'features') ? await findGain(session, sizes, make) : 1;
  const decode = hasGrowingState(wanted) && (await tryRun(session, make({ sizes, count: 1, decode: true }), wanted.links)) === undefined;
  const made = make({ sizes, count: samples, vary, gain, decode });
  const scale = gain === 1 ? [] : [`features are multiplied by ${gain}: smaller or larger ones leave the outputs constant`];
  return {
    evidence: 'synthetic',
    source: `synthetic (seed ${seed})`,
    samples: made,
    notes: [...guesses.map(explainGuess), ...scale, shapesOf(made)],
  };
}

/** One made-up sample of the likeliest sizes that the model accepts. @throws DATA_INVALID when it refuses every guess */
export async function settleOne(session: Session, options: Omit<SettleOptions, 'samples'>): Promise<Sample> {
  const { make, sizes } = await settleSizes(session, options);
  const [sample] = make({ sizes, count: 1 });
  return sample ?? { id: 'synthetic', steps: [] };
}

async function settleSizes(session: Session, { seed, model }: Omit<SettleOptions, 'samples'>) {
  const wanted = { inputs: inputsOf(session, model), links: stateLinks(session.inputs, session.outputs) };
  const guesses = guessInputs(wanted.inputs, wanted.links, model);
  const make = (making: Omit<Making, 'seed'>) => synthesize(guesses, wanted, { seed, ...making });
  const open = new Set(guesses.flatMap((guess) => [...guess.open.values()]));
  const sizes = await findSizes(session, sizeCandidates(open, fixedHeight(guesses), wanted.links.length > 0), make);
  return { wanted, guesses, make, open, sizes };
}

type Make = (making: Omit<Making, 'seed'>) => Sample[];

async function findSizes(session: Session, candidates: readonly Sizes[], make: Make): Promise<Sizes> {
  let refusal = 'none was made';
  for (const sizes of candidates) {
    const reason = await tryRun(session, make({ sizes, count: 1 }));
    if (reason === undefined) return sizes;
    refusal = reason;
  }
  throw new TersorError(
    'DATA_INVALID',
    'synthetic inputs',
    `the model refuses every guess; the last: ${refusal}`,
    'give it real inputs with --data',
  );
}

async function takesLengths(session: Session, sizes: Sizes, make: Make): Promise<boolean> {
  const lengths = [Math.max(1, Math.round(sizes.sequence / 4)), sizes.sequence * 2];
  const samples = lengths.flatMap((sequence) => make({ sizes: { ...sizes, sequence }, count: 1 }));
  return (await tryRun(session, samples)) === undefined;
}

async function findGain(session: Session, sizes: Sizes, make: Make): Promise<number> {
  for (const gain of GAINS) {
    const outputs: Feeds[] = [];
    for (const { steps } of make({ sizes, count: 3, gain })) if (steps[0]) outputs.push(await session.run(steps[0]));
    if (Object.keys(outputs[0] ?? {}).some((name) => variation(outputs.map((output) => output[name])) > MIN_VARIATION)) return gain;
  }
  return 1;
}

/** The largest difference between values, as a part of the largest value. */
function variation(values: readonly (Value | undefined)[]): number {
  const [first, ...others] = values;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < (first?.data.length ?? 0); i++) {
    const a = Number(first?.data[i]);
    for (const other of others) {
      const b = Number(other?.data[i]);
      difference = Math.max(difference, Math.abs(a - b));
      size = Math.max(size, Math.abs(a), Math.abs(b));
    }
  }
  return size > 0 ? difference / size : 0;
}

/** The runtime cannot tell a scalar from an unknown rank; the file can. */
function inputsOf(session: Session, model: Model | undefined): readonly ValueInfo[] {
  const stated = new Map(model?.graph?.inputs.map((info) => [info.name, info]));
  return session.inputs.map((info) => {
    const shape = stated.get(info.name)?.shape;
    return shape && info.shape?.length === shape.length ? info : { ...info, ...(shape && { shape }) };
  });
}

/** Why the model does not take the samples, or undefined when it does: their first steps or, with links, all of them. */
async function tryRun(session: Session, samples: readonly Sample[], links: readonly StateLink[] = []): Promise<string | undefined> {
  try {
    for (const { steps } of samples) {
      let state: Feeds = {};
      for (const step of links.length > 0 ? steps : steps.slice(0, 1)) {
        const outputs = await session.run({ ...state, ...step });
        state = Object.fromEntries(links.flatMap(({ input, output }) => (outputs[output] ? [[input, outputs[output]]] : [])));
      }
    }
    return undefined;
  } catch (error) {
    if (error instanceof TersorError && (error.code === 'RUN_FAILED' || error.code === 'DATA_INVALID')) return error.message;
    throw error;
  }
}

/** The height of the first image whose width alone is open. */
export function fixedHeight(guesses: readonly Guess[]): number | undefined {
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
