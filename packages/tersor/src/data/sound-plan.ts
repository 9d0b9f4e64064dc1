import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import { guessRole, isHearing, type Role } from './guess-role.ts';
import type { Preprocess } from './preprocess.ts';
import type { Wanted } from './to-feeds.ts';
import { describe } from './to-value.ts';

/** How sound becomes the inputs of a model. */
export interface SoundPlan {
  readonly info: ValueInfo;
  /** Inputs that are told the rate. */
  readonly rates: readonly ValueInfo[];
  /** Inputs that say which samples count. */
  readonly masks: readonly ValueInfo[];
  readonly rate: number;
  /** Samples in one run, without context; absent: the whole clip. */
  readonly window: number | undefined;
  readonly context: number;
  readonly standardize: boolean;
}

const RATE = 16000;
/** Inputs that take what was computed from sound. */
const IS_FEATURES = /feat|spec|mel/i;
/** What voice detectors hear at a time: 32 ms. */
const WINDOWS_A_SECOND = 31.25;
/** Silero's detectors since version 5 want the end of the window before: 4 ms. */
const CONTEXTS_A_SECOND = 250;

/**
 * Fills in what a preprocessing leaves out: the window from the input's shape, or 32 ms for models with state.
 * @throws DATA_INVALID when the model takes no sound
 */
export function planSound(wanted: Wanted, asked: Preprocess, from: string): { readonly plan: SoundPlan; readonly note: string } {
  const { audio, rates, masks } = soundInputs(wanted);
  const rate = asked.rate ?? RATE;
  const context = asked.context ?? (wantsContext(wanted) ? Math.round(rate / CONTEXTS_A_SECOND) : 0);
  const length = audio.shape?.at(-1);
  const ofShape = typeof length === 'number' ? length - context : undefined;
  const window = asked.window ?? ofShape ?? (wanted.links.length > 0 ? Math.round(rate / WINDOWS_A_SECOND) : undefined);
  if (window !== undefined && window < 1) throw unfit(wanted, `${audio.name} is shorter than the context of ${context} samples`);
  const plan = { info: audio, rates, masks, rate, window, context, standardize: asked.standardize ?? false };
  const said: readonly (readonly [keyof Preprocess, string])[] = [
    ['rate', String(rate)],
    ['window', window === undefined ? 'the whole clip' : String(window)],
    ['context', String(context)],
    ['standardize', String(plan.standardize)],
  ];
  const words = (isAsked: boolean) =>
    said.flatMap(([key, value]) => ((asked[key] !== undefined) === isAsked ? `${key}=${value}` : [])).join(', ');
  const given = words(true);
  const guessed = words(false);
  const parts = [
    ...(given ? [`${given} (${from})`] : []),
    ...(guessed ? [`${guessed} (from ${describe(audio)}; correct it with --preprocess)`] : []),
  ];
  return { plan, note: `${audio.name}: ${parts.join('; ')}` };
}

function soundInputs(wanted: Wanted): {
  readonly audio: ValueInfo;
  readonly rates: readonly ValueInfo[];
  readonly masks: readonly ValueInfo[];
} {
  const state = new Set(wanted.links.map(({ input }) => input));
  const given = wanted.inputs.filter(({ name }) => !state.has(name));
  const hearing = isHearing(given);
  const withRole = (role: Role) => given.filter((info) => guessRole(info, { vocabulary: undefined, hearing }) === role);
  const [rates, masks, heard] = [withRole('rate'), withRole('mask'), withRole('audio')];
  // A model without a telling name still hears when there is nothing else it could do with sound.
  const others = given.filter((info) => !rates.includes(info) && !masks.includes(info));
  const [audio, second] = heard.length > 0 ? heard : others;
  const isSound =
    audio && !second && others.length === 1 && (audio.shape?.length ?? 2) <= 3 && audio.dtype !== 'string' && !IS_FEATURES.test(audio.name);
  if (!isSound) throw unfit(wanted, 'the model takes no sound');
  return { audio, rates, masks };
}

/** The one state of `[2, batch, 128]` beside the rate is silero's mark. */
function wantsContext({ inputs, links }: Wanted): boolean {
  const [link, other] = links;
  const shape = inputs.find(({ name }) => name === link?.input)?.shape;
  return !other && isHearing(inputs) && shape?.length === 3 && shape[0] === 2 && shape[2] === 128;
}

function unfit({ inputs }: Wanted, what: string): TersorError {
  const all = inputs.map((info) => `${info.name}: ${describe(info)}`).join(', ');
  return new TersorError('DATA_INVALID', 'sound', what, `it takes ${all}; give them by name: .npz, .jsonl or a JS module`);
}
