import type { Value } from '../core/engine.ts';
import type { ValueInfo } from '../core/graph.ts';
import type { Sample } from '../core/samples.ts';
import { guessRole, isHearing, type Role } from './guess-role.ts';
import type { Wanted } from './to-feeds.ts';

/** What is meant to differ from sample to sample. */
const VARYING: ReadonlySet<Role> = new Set(['image', 'audio', 'features', 'tokens']);

/** Normalised pictures stay within a few deviations of zero; bytes do not. */
const MAX_NORMALISED = 16;
const MAX_BYTE = 255;

/** Fewer may be equal by chance. */
const MIN_ELEMENTS = 16;

/** What a user should know of inputs that cannot be meant so: what is not finite, constant ones, and pictures that nobody scaled. */
export function warningsAbout(samples: readonly Sample[], { inputs, links }: Wanted): string[] {
  const state = new Set(links.map(({ input }) => input));
  const given = inputs.filter(({ name }) => !state.has(name));
  const hearing = isHearing(given);
  return given.flatMap((info) => {
    const role = guessRole(info, { vocabulary: undefined, hearing });
    const values = samples.map(({ steps }) => steps.flatMap((feeds) => feeds[info.name] ?? []));
    const infinite = values.filter((steps) => steps.some(isNotFinite)).length;
    if (infinite > 0) return [`${info.name} holds NaN or infinity in ${infinite} of ${samples.length} samples`];
    if (!VARYING.has(role)) return [];
    const warning = aboutConstants(info.name, values) ?? (role === 'image' ? aboutScale(info, values.flat()) : undefined);
    return warning === undefined ? [] : [warning];
  });
}

/** @param samples  of each sample, the input's values step by step */
function aboutConstants(name: string, samples: readonly (readonly Value[])[]): string | undefined {
  const [first, ...others] = samples;
  if (first && others.length > 0 && others.every((other) => areEqual(first, other)))
    return `${name} is the same in all ${samples.length} samples`;
  const flat = samples.filter((values) => values.every(isFlat)).length;
  return flat > 0 ? `${name} is one and the same number throughout in ${flat} of ${samples.length} samples` : undefined;
}

function aboutScale({ name, dtype }: ValueInfo, values: readonly Value[]): string | undefined {
  if (dtype !== 'f32' && dtype !== 'f64') return undefined;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { data } of values) {
    for (let i = 0; i < data.length; i++) {
      low = Math.min(low, Number(data[i]));
      high = Math.max(high, Number(data[i]));
    }
  }
  if (low < 0 || high <= MAX_NORMALISED || high > MAX_BYTE) return undefined;
  return `${name} reaches ${Math.round(high)}, like bytes that were not scaled: right only for a model that scales them itself`;
}

function areEqual(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every(({ data }, step) => sameData(data, b[step]?.data));
}

function sameData(a: Value['data'], b: Value['data'] | undefined): boolean {
  if (a.length !== b?.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function isNotFinite({ data }: Value): boolean {
  return (data instanceof Float32Array || data instanceof Float64Array) && !data.every(Number.isFinite);
}

/** Of a few elements, nothing can be said. */
function isFlat({ data }: Value): boolean {
  if (data.length < MIN_ELEMENTS) return false;
  for (let i = 1; i < data.length; i++) if (data[i] !== data[0]) return false;
  return true;
}
