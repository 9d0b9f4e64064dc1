import type { Look } from './watch.ts';

/** Bytes of an element of what is folded, and of the output that comes of a run. */
const ELEMENT_BYTES = 8 + 4;

/** Looks in the order of computation, as many at once as results take `maxBytes`, but one at least. */
export function inPasses(looks: readonly Look[], maxBytes: number): Look[][] {
  const passes: Look[][] = [];
  let bytes = 0;
  for (const look of [...looks].sort((a, b) => a.sight.position - b.sight.position)) {
    const more = bytesOf(look);
    if (passes.length === 0 || bytes + more > maxBytes) {
      passes.push([]);
      bytes = 0;
    }
    passes.at(-1)?.push(look);
    bytes += more;
  }
  return passes;
}

function bytesOf({ sight: { groups, columns = 1 }, statistic }: Look): number {
  return ELEMENT_BYTES * groups * (statistic === 'gram' ? columns * columns : columns);
}
