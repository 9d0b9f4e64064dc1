import type { Feeds, Value } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import type { Encoded } from './encode-text.ts';
import { isCacheSwitch, type Window, windowsOf } from './growing-state.ts';
import { guessRole, type Role } from './guess-role.ts';
import type { Wanted } from './to-feeds.ts';
import { checkShape, describe, toValue } from './to-value.ts';

/** What an input of a text model takes. */
export interface TextInput {
  readonly info: ValueInfo;
  readonly role: Extract<Role, 'tokens' | 'mask' | 'segments' | 'positions' | 'switch'>;
}

/**
 * What the inputs of a text model are for, by their names; state is left to the sequence.
 * @throws DATA_INVALID for an input that no text gives
 */
export function textInputs({ inputs, links }: Wanted, where: string): TextInput[] {
  const state = new Set(links.map(({ input }) => input));
  const given = inputs.filter(({ name }) => !state.has(name));
  const roles = given.map((info) => guessRole(info, { vocabulary: undefined, hearing: false }));
  const integers = given.filter(({ dtype, shape }) => (dtype === 'i64' || dtype === 'i32') && shape?.length !== 0);
  // A model with one list of integers takes tokens in it, whatever its name.
  const [only] = roles.includes('tokens') || integers.length !== 1 ? [] : integers;
  const found = given.map((info, index) => ({ info, role: info === only ? 'tokens' : roles[index] }));
  const unfit = found.find((input) => !isTextInput(input));
  if (!unfit && found.some(({ role }) => role === 'tokens')) return found.filter(isTextInput);
  throw new TersorError(
    'DATA_INVALID',
    where,
    unfit ? `the input ${unfit.info.name}: ${describe(unfit.info)} cannot be made from text` : 'the model takes no tokens',
    'give the inputs by name: .npz, .jsonl or a JS module',
  );
}

/** The longest text that inputs of fixed length take. */
export function fixedLength(inputs: readonly TextInput[]): number | undefined {
  const length = inputs.find(({ role }) => role === 'tokens')?.info.shape?.at(-1);
  return typeof length === 'number' ? length : undefined;
}

/** Tokens that a decoder with a cache meets one by one, after the others at once. */
const SINGLES = 4;

/**
 * One text as the feeds of a decoder whose state grows: most of it at once, the last tokens one after the other, so that the cache counts.
 * @throws DATA_INVALID when an input wants another shape
 */
export function decoderFeeds(encoded: Encoded, inputs: readonly TextInput[], padding: number, where: string): Feeds[] {
  const singles = fixedLength(inputs) === undefined ? Math.min(SINGLES, encoded.ids.length - 1) : 0;
  return windowsOf(encoded.ids.length, singles).map((window) => textFeeds(encoded, inputs, padding, where, window));
}

/**
 * One text as feeds: a batch of one, filled up with `padding` where the model wants a fixed length.
 * @param window  the tokens that are fed; all unless told
 * @throws DATA_INVALID when an input wants another shape
 */
export function textFeeds(
  { ids, segments }: Encoded,
  inputs: readonly TextInput[],
  padding: number,
  where: string,
  { before, added }: Window = { before: 0, added: ids.length },
): Feeds {
  const fixed = fixedLength(inputs);
  const each: Readonly<Record<TextInput['role'], (index: number, name: string) => number>> = {
    tokens: (index) => ids[before + index] ?? padding,
    mask: (index) => (index < before + added ? 1 : 0),
    segments: (index) => segments[before + index] ?? 0,
    positions: (index) => before + index,
    switch: (_, name) => (isCacheSwitch(name) ? Number(before > 0) : 0),
  };
  return Object.fromEntries(
    inputs.map(({ info, role }): [string, Value] => {
      const rank = info.shape?.length ?? 2;
      const perToken = role !== 'switch' && rank > 0;
      const length = fixed ?? (role === 'mask' ? before + added : added);
      const shape = perToken
        ? Array.from({ length: rank }, (_, axis) => (axis === rank - 1 ? length : 1))
        : (info.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1));
      const count = shape.reduce((product, dim) => product * dim, 1);
      const value = toValue({ data: Array.from({ length: count }, (_, index) => each[role](index, info.name)), shape }, info, where);
      checkShape(value, info, where);
      return [info.name, value];
    }),
  );
}

function isTextInput(input: { readonly info: ValueInfo; readonly role: Role | undefined }): input is TextInput {
  const { role } = input;
  return role === 'tokens' || role === 'mask' || role === 'segments' || role === 'positions' || role === 'switch';
}
