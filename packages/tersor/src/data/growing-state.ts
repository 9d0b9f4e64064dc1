import type { Wanted } from './to-feeds.ts';

/** Whether a model has state that grows with every token: the keys and values of a decoder's cache. */
export function hasGrowingState({ inputs, links }: Wanted): boolean {
  const states = inputs.filter(({ name }) => links.some(({ input }) => input === name));
  return states.some(({ shape = [] }) => shape.filter((dim) => typeof dim !== 'number').length > 1);
}

/** Tokens that a step adds to `before` others; inputs about all tokens so far, as attention masks are, have both. */
export interface Window {
  readonly before: number;
  readonly added: number;
}

/** A prompt, then one token after the other: how decoders with a cache are run. */
export function windowsOf(tokens: number, singles: number): Window[] {
  const prompt = tokens - singles;
  return [{ before: 0, added: prompt }, ...Array.from({ length: singles }, (_, index) => ({ before: prompt + index, added: 1 }))];
}

/** What says that the cache is used, which the first step has not: `use_cache_branch`. */
export function isCacheSwitch(name: string): boolean {
  return /cache/.test(name);
}
