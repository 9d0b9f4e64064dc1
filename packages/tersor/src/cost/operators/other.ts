import { intsAttribute } from '../../core/graph.ts';
import { count, elements } from '../value.ts';
import { type Count, steps } from './work.ts';

/** So many operations for every element of the output. */
export function perOutput(operations: number): Count {
  return ({ outputs: [y] }) => steps('elementwise', count(operations, elements(y)), y);
}

/** So many operations for every element of the input: reductions, normalizations, softmax. */
export function perInput(operations: number): Count {
  return ({ inputs: [x] }) => steps('reduction', count(operations, elements(x)), x);
}

/** A window over every output element. */
export const pooling: Count = ({ node, outputs: [y] }) =>
  steps('reduction', count(elements(y), ...(intsAttribute(node, 'kernel_shape') ?? [undefined])), y);

/** One operation per input beyond the first, and output element. */
export const variadic: Count = ({ inputs, outputs: [y] }) => steps('elementwise', count(Math.max(1, inputs.length - 1), elements(y)), y);

/** Bytes are moved, nothing is computed. */
export const movement: Count = ({ inputs: [x] }) => steps('movement', 0, x);
export const lookUp: Count = ({ inputs: [table] }) => steps(table?.constant ? 'embedding' : 'movement', 0, table);
export const view: Count = ({ inputs: [x] }) => steps('view', 0, x);
export const control: Count = () => steps('control', 0, undefined);
export const unknown: Count = () => steps('unknown', undefined, undefined);
