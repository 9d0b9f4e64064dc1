import type { Feeds, Value } from '../core/engine.ts';

/** Tells whether element `index` of an output belongs to padding. */
export type IsPadding = (index: number) => boolean;

/**
 * Padding of an output `[batch, sequence, ...]` by the attention mask `[batch, sequence]` among the feeds; undefined when there is none, or nothing is
 * padded.
 */
export function paddingOf(feeds: Feeds, { shape }: Value): IsPadding | undefined {
  const mask = Object.entries(feeds).find(([name, value]) => /attention_?mask/i.test(name) && value.shape.length === 2)?.[1];
  if (!mask || shape.length < 2 || shape[0] !== mask.shape[0] || shape[1] !== mask.shape[1]) return undefined;
  const padded = Array.from<unknown, boolean>(mask.data, (bit) => Number(bit) === 0);
  if (!padded.includes(true)) return undefined;
  const inner = shape.slice(2).reduce((product, dim) => product * dim, 1);
  return (index) => padded[Math.floor(index / inner)] ?? false;
}
