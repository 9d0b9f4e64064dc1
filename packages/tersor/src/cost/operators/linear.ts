import type { Arithmetic } from '../../core/cost.ts';
import { intAttribute, stringAttribute } from '../../core/graph.ts';
import { count, elements } from '../value.ts';
import { arithmeticOf, type Count, products } from './work.ts';

/** `[.., M, K] x [.., K, N]`: every output element is a product over K. */
export const matMul: Count = ({ node, inputs: [a], outputs: [y] }) => {
  const depth = a?.shape?.at(intAttribute(node, 'transA', 0) !== 0 ? -2 : -1);
  return products('linear', count(elements(y), depth), arithmeticOf(a?.dtype));
};

/** The same on activations that the operator quantizes itself. */
export const dynamicMatMul: Count = (operator) => ({ ...matMul(operator), arithmetic: 'i8' });

/** Weights in blocks of codes, which are expanded on the way: `K` and `N` are attributes, activations are floats. */
export const blockMatMul: Count = ({ node, inputs: [a] }) => {
  const bits = node.op === 'MatMulNBits' ? intAttribute(node, 'bits', 4) : 4;
  return products('linear', count(elements(a), intAttribute(node, 'N', 0) || undefined), codes(bits));
};

/** Products over all labels of the equation. */
export const einsum: Count = ({ node, inputs }) => {
  const [terms = ''] = stringAttribute(node, 'equation', '').replaceAll(' ', '').split('->');
  const sizes = new Map<string, number | undefined>();
  for (const [i, term] of terms.split(',').entries()) {
    for (const [axis, label] of [...term].entries()) {
      const size = inputs[i]?.shape?.[axis];
      if (sizes.get(label) === undefined || size !== 1) sizes.set(label, size);
    }
  }
  const known = terms.includes('.') ? undefined : count(...sizes.values());
  const [a] = inputs;
  return inputs.length < 2
    ? { family: 'reduction', arithmetic: arithmeticOf(a?.dtype), macs: 0, operations: known }
    : products('linear', known && count(known, inputs.length - 1), arithmeticOf(a?.dtype));
};

function codes(bits: number): Arithmetic {
  return bits === 8 ? 'w8' : bits === 2 ? 'w2' : 'w4';
}
