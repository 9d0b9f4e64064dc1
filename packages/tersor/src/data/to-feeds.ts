import type { Feeds, Value } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import { nearest } from '../core/nearest.ts';
import type { Sample } from '../core/samples.ts';
import type { StateLink } from '../core/state-links.ts';
import { checkShape, describe, toValue } from './to-value.ts';

/** What a model takes, and which of it is state that may be left out. */
export interface Wanted {
  readonly inputs: readonly ValueInfo[];
  readonly links: readonly StateLink[];
}

/**
 * One run's inputs from what a user wrote: every input of the model once, in its type and shape. State may be left out.
 * @throws DATA_INVALID naming the input, what was expected and what came
 */
export function toFeeds(raw: unknown, { inputs, links }: Wanted, where: string): Feeds {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw) || ArrayBuffer.isView(raw)) {
    throw new TersorError(
      'DATA_INVALID',
      where,
      `expected one value per input, received ${Array.isArray(raw) ? 'a list' : typeof raw}`,
      expected(inputs),
    );
  }
  const given = new Map<string, unknown>(Object.entries(raw));
  checkNames(given, { inputs, links }, where);
  const feeds: Record<string, Value> = {};
  for (const info of inputs) {
    if (!given.has(info.name)) continue;
    const value = toValue(given.get(info.name), info, where);
    checkShape(value, info, where);
    feeds[info.name] = value;
  }
  return feeds;
}

/** @throws DATA_INVALID for a name that is no input, and for an input without a value */
export function checkNames(given: ReadonlyMap<string, unknown>, { inputs, links }: Wanted, where: string): void {
  const names = inputs.map(({ name }) => name);
  for (const name of given.keys()) {
    if (names.includes(name)) continue;
    const close = nearest(name, names);
    throw new TersorError('DATA_INVALID', where, `the model has no input "${name}"`, close ? `did you mean "${close}"?` : expected(inputs));
  }
  const state = new Set(links.map(({ input }) => input));
  const missing = inputs.find(({ name }) => !given.has(name) && !state.has(name));
  if (missing) throw new TersorError('DATA_INVALID', where, `has nothing for the input "${missing.name}"`, expected(inputs));
}

/** A sample of the given steps; state that they leave out starts at zero. */
export function toSample(id: string, [first, ...others]: readonly Feeds[], wanted: Wanted): Sample {
  return { id, steps: first ? [withInitialState(first, wanted), ...others] : [] };
}

/** The first step of a sequence with zeros for the state that it leaves out. */
export function withInitialState(feeds: Feeds, { inputs, links }: Wanted): Feeds {
  const states = inputs.filter(({ name }) => !feeds[name] && links.some(({ input }) => input === name));
  if (states.length === 0) return feeds;
  const batch = batchOf(feeds, inputs);
  return { ...feeds, ...Object.fromEntries(states.map((info) => [info.name, zeros(info, batch)])) };
}

function expected(inputs: readonly ValueInfo[]): string {
  return `the model takes ${inputs.map((info) => `${info.name}: ${describe(info)}`).join(', ')}`;
}

/** The first free size of a state is the batch; another one is a length, and nothing has happened yet. */
export function initialShape({ shape = [] }: ValueInfo, batch: number): number[] {
  const firstFree = shape.findIndex((dim) => typeof dim !== 'number');
  return shape.map((dim, axis) => (typeof dim === 'number' ? dim : axis === firstFree ? batch : 0));
}

function zeros(info: ValueInfo, batch: number): Value {
  const dims = initialShape(info, batch);
  const count = dims.reduce((product, dim) => product * dim, 1);
  return toValue({ data: new Array<number>(count).fill(0), shape: dims }, info, 'state');
}

function batchOf(feeds: Feeds, inputs: readonly ValueInfo[]): number {
  const leading = inputs.find(({ name, shape }) => feeds[name] && shape && shape.length > 1 && typeof shape[0] !== 'number');
  return (leading && feeds[leading.name]?.shape[0]) || 1;
}
