import { createHash } from 'node:crypto';
import type { StateLink } from '../core/state-links.ts';
import { capture, isTensor } from './capture.ts';

/** State up to this size is recognised by its values, too; larger state only where the application hands on what it got. */
const MAX_HASHED_BYTES = 2 ** 18;

/** So many sequences may run at the same time and hand on copies. */
const MAX_REMEMBERED = 256;

/** Where a value came from. */
export interface Origin<S> {
  readonly sequence: S;
  readonly output: string;
  /** Steps that the sequence had when it was put out. */
  readonly step: number;
}

/** Remembers which state came out of which sequence. */
export interface Origins<S> {
  /** Where a fed value came from; undefined when it is none of these outputs. */
  of(value: unknown): Origin<S> | undefined;
  remember(outputs: Readonly<Record<string, unknown>>, sequence: S, step: number): void;
}

/** Applications hand on the tensor itself, another one around the same numbers, or a copy of them. */
export function rememberOrigins<S>(links: readonly StateLink[]): Origins<S> {
  const byObject = new WeakMap<object, Origin<S>>();
  const byValue = new Map<string, Origin<S>>();
  return {
    of(value) {
      if (!isTensor(value)) return undefined;
      const known = byObject.get(value) ?? byObject.get(Object(numbersOf(value)));
      if (known) return known;
      const digest = digestOf(value);
      return digest === undefined ? undefined : byValue.get(digest);
    },
    remember(outputs, sequence, step) {
      for (const { output } of links) {
        const value = outputs[output];
        if (!isTensor(value)) continue;
        const origin = { sequence, output, step };
        byObject.set(value, origin);
        const numbers = numbersOf(value);
        if (numbers) byObject.set(numbers, origin);
        const digest = digestOf(value);
        if (digest === undefined) continue;
        byValue.delete(digest);
        byValue.set(digest, origin);
        for (const oldest of byValue.keys()) {
          if (byValue.size <= MAX_REMEMBERED) break;
          byValue.delete(oldest);
        }
      }
    },
  };
}

function numbersOf(value: { readonly data: unknown; readonly location?: string }): object | undefined {
  if (value.location !== undefined && !value.location.startsWith('cpu')) return undefined;
  const { data } = value;
  return typeof data === 'object' && data !== null ? data : undefined;
}

function digestOf(value: unknown): string | undefined {
  const array = isTensor(value) && ArrayBuffer.isView(numbersOf(value)) ? capture(value) : undefined;
  if (!(array?.data instanceof Uint8Array) || array.data.length > MAX_HASHED_BYTES) return undefined;
  return createHash('sha256').update(JSON.stringify(array.shape)).update(array.data).digest('hex');
}
