import { intAttribute } from '../../core/graph.ts';
import { count, elements, type Operator } from '../value.ts';
import { arithmeticOf, type Count, type Work } from './work.ts';

/** com.microsoft.Attention: queries, keys and values are made from one input by one weight `[inputs, 3 x width]`. */
export const packedAttention: Count = ({ inputs, outputs: [y] }) => {
  const [x, weight, , , past] = inputs;
  const width = weight?.shape?.at(-1);
  const project = count(elements(x), width);
  const length = sum(x?.shape?.[1], past ? past.shape?.[3] : 0);
  return work(inputs, sum(project, count(2, elements(y), length)), count(elements(y), length));
};

/** Queries `[batch, length, width]` against keys `[batch, others, width]` and values; grouped heads share keys, which saves no products. */
export const attention: Count = ({ node, inputs, outputs }) => {
  const [query, key] = inputs;
  const grouped = node.op === 'GroupQueryAttention';
  const past = inputs[grouped ? 3 : 6];
  const fresh = key?.shape?.at(key.shape.length === 4 ? 2 : 1) ?? query?.shape?.[1];
  const length = sum(fresh, past ? past.shape?.at(2) : 0);
  const [y] = outputs;
  const scores = count(query?.shape?.[0], intAttribute(node, 'num_heads', 1), query?.shape?.[1], length);
  return work(inputs, count(2, elements(y), length), scores);
};

/** ai.onnx Attention: the same, in 3 or 4 axes. */
export const standardAttention: Count = ({ node, inputs, outputs: [y] }) => {
  const [query, key, , , past] = inputs;
  const axis = query?.shape?.length === 4 ? 2 : 1;
  const length = sum(key?.shape?.[axis], past ? past.shape?.[2] : 0);
  const heads = axis === 2 ? query?.shape?.[1] : intAttribute(node, 'q_num_heads', 1);
  return work(inputs, count(2, elements(y), length), count(query?.shape?.[0], heads, query?.shape?.[axis], length));
};

/** @param scores  elements that the softmax runs over, at some five operations each */
function work([x]: Operator['inputs'], macs: number | undefined, scores: number | undefined): Work {
  return { family: 'attention', arithmetic: arithmeticOf(x?.dtype), macs, operations: count(5, scores) };
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}
