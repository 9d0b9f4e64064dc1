import type { AskedToCompare } from '../../packages/tersor/src/core/asked.ts';

/** The task's flags for the command, as the library takes them. */
export function askedOf(flags: readonly string[]): AskedToCompare {
  const of = (flag: string) => (flags.includes(flag) ? flags[flags.indexOf(flag) + 1] : undefined);
  const [data, preprocess, samples] = ['--data', '--preprocess', '--samples'].map(of);
  return { ...(data && { data }), ...(preprocess && { preprocess }), ...(samples && { samples: Number(samples) }) };
}
