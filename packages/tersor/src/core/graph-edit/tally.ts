import type { Context } from '../method.ts';

/** How often things were done, by a sentence with `#` where the number goes. */
export type Tally = Map<string, number>;

export function count(tally: Tally, sentence: string, times: number): void {
  if (times > 0) tally.set(sentence, (tally.get(sentence) ?? 0) + times);
}

/** What `work` makes; what it counted becomes notes about `method`. */
export async function tallied<T>(method: string, note: Context['note'], work: (tally: Tally) => Promise<T>): Promise<T> {
  const tally: Tally = new Map();
  const result = await work(tally);
  for (const [sentence, times] of tally) note(method, sentence.replace('#', String(times)));
  return result;
}
