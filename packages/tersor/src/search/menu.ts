import type { Step } from '../core/recipe.ts';

/** What nearly every layer bears, from the fewest bytes to the most faithful. */
const CAREFUL: readonly Step[] = [
  { use: 'rtn', bits: 8, fit: 'mse' },
  { use: 'rtn', bits: 8, block: 32 },
  { use: 'fp16', compute: 'float' },
];

/** What some layers bear; which ones, only real data can tell. */
const BOLD: readonly Step[] = [
  { use: 'rtn', bits: 2, block: 16, symmetric: false },
  { use: 'rtn', bits: 4, block: 64, symmetric: false },
  { use: 'rtn', bits: 4, block: 32, symmetric: false },
  { use: 'rtn', bits: 4, block: 16, symmetric: false },
];

/** The steps that the search may take for a layer. Without data, less than 8 bits only where the user insists on a size. */
export function menuFor(asked: { readonly evidence: 'data' | 'synthetic'; readonly size?: number | undefined }): readonly Step[] {
  return asked.evidence === 'data' || asked.size !== undefined ? [...BOLD, ...CAREFUL] : CAREFUL;
}
