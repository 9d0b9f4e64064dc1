import type { Feeds, Fold, Folded, ModelSource, SessionOptions } from '../core/engine.ts';
import type { Target } from '../core/format.ts';
import type { ValueInfo } from '../core/graph.ts';
import type { StateLink } from '../core/state-links.ts';

/** What the engine asks its host process, and what it gets back. Requests are answered one after the other, in order. */
export interface Requests {
  load: { readonly ask: { readonly target: Target }; readonly answer: { readonly name: string; readonly notice?: string } };
  open: { readonly ask: { readonly model: ModelSource; readonly options: SessionOptions }; readonly answer: Opened };
  hold: { readonly ask: { readonly session: number; readonly values: Feeds }; readonly answer: undefined };
  run: { readonly ask: { readonly session: number; readonly feeds: Feeds; readonly outputs?: readonly string[] }; readonly answer: Feeds };
  steps: {
    readonly ask: { readonly session: number; readonly steps: readonly Feeds[]; readonly links: readonly StateLink[] };
    readonly answer: Feeds[];
  };
  fold: {
    readonly ask: {
      readonly parts: readonly number[];
      readonly steps: readonly Feeds[];
      readonly links: readonly StateLink[];
      readonly folds: readonly Fold[];
    };
    readonly answer: undefined;
  };
  folded: { readonly ask: { readonly session: number; readonly fold: Fold }; readonly answer: Folded | undefined };
  race: {
    readonly ask: { readonly sessions: readonly number[]; readonly feeds: Feeds; readonly rounds: number; readonly warmup: number };
    readonly answer: number[][];
  };
  memory: { readonly ask: Readonly<Record<never, never>>; readonly answer: number | undefined };
  release: { readonly ask: { readonly session: number }; readonly answer: undefined };
}

export type Kind = keyof Requests;
export type Ask<K extends Kind> = Requests[K]['ask'];
export type Answer<K extends Kind> = Requests[K]['answer'];
export type Message = { readonly [K in Kind]: { readonly id: number; readonly kind: K } & Ask<K> }[Kind];

/** `error` holds the runtime's own words. */
export type Reply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

export interface Opened {
  readonly session: number;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export function isReply(message: unknown): message is Reply {
  return typeof message === 'object' && message !== null && 'id' in message && ('value' in message || 'error' in message);
}

export function isMessage(message: unknown): message is Message {
  return typeof message === 'object' && message !== null && 'id' in message && 'kind' in message;
}
