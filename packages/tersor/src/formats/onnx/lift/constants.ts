import type { Node } from '../../../core/graph.ts';
import { codesIn, loadCodes, loadFloats } from './load-codes.ts';
import type { Constant, Integers, Scales, Term } from './term.ts';

/** A constant of an integer type, read as floats. */
export function integersIn(stored: Constant, node?: Node): Integers | undefined {
  const { weight, shape } = stored;
  const codes = codesIn(weight.dtype);
  return codes && { kind: 'integers', ...(node && { node }), from: [stored], shape, ...codes, load: () => loadCodes(weight) };
}

/** Constant floats as scales. */
export function asScales(term: Term): Scales | undefined {
  if (term.kind === 'scales') return term;
  const stored = term.kind === 'narrow' && term.dtype === 'f32' ? term.stored : term;
  if (stored.kind !== 'constant' || (term.kind === 'constant' && term.weight.dtype !== 'f32')) return undefined;
  return scalesIn(stored, term);
}

/** @param term  what `stored` is read as */
export function scalesIn({ weight, shape }: Constant, term: Term): Scales | undefined {
  const { dtype } = weight;
  if (dtype !== 'f32' && dtype !== 'f16' && dtype !== 'bf16') return undefined;
  return { kind: 'scales', from: [term], shape, dtype, load: () => loadFloats(weight) };
}
