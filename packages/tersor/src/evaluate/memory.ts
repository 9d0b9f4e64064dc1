import type { Distribution } from './distribution.ts';

/** What follows from the original's outputs of one run, which is compared with many candidates. */
export interface RunMemory {
  /** @param start  where the decision's scores begin */
  recall(output: string, start: number, make: () => Distribution): Distribution;
}

/** Memory for as many runs as fit into `maxBytes`; what does not fit is made anew each time. */
export function openMemory(maxBytes: number): () => RunMemory {
  let bytes = 0;
  return () => {
    const known = new Map<string, Map<number, Distribution>>();
    return {
      recall(output, start, make) {
        const before = known.get(output)?.get(start);
        if (before) return before;
        const made = make();
        bytes += made.weights.byteLength + made.logs.byteLength;
        if (bytes > maxBytes) return made;
        known.set(output, (known.get(output) ?? new Map<number, Distribution>()).set(start, made));
        return made;
      },
    };
  };
}
