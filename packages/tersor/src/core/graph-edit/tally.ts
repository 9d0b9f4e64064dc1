import type { Context } from '../method.ts';

/** How often things were done, by a sentence with `#` where the number goes. */
export type Tally = Map<string, number>;

export function count(tally: Tally, sentence: string, times: number): void {
  if (times > 0) tally.set(sentence, (tally.get(sentence) ?? 0) + times);
}

export function tell(tally: Tally, about: string, note: Context['note']): void {
  for (const [sentence, times] of tally) note(about, sentence.replace('#', String(times)));
}
