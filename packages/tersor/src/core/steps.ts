/** Steps are stored as quarters of octaves: a rounded step costs nothing that could be seen, and takes a few bits. */
const PER_OCTAVE = 4;

export function stepOf(quarters: number): number {
  return Math.fround(2 ** (quarters / PER_OCTAVE));
}

/** The nearest that can be stored; a step of 0, or none, is the smallest. */
export function quartersOf(step: number): number {
  const quarters = Math.round(PER_OCTAVE * Math.log2(step));
  return Math.max(-128, Math.min(127, Number.isNaN(quarters) ? -128 : quarters));
}
