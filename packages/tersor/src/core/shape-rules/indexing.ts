import { normalizeAxes } from '../evaluate-small/view.ts';
import { intAttribute, intsAttribute } from '../graph.ts';
import type { Dims } from '../shape-arithmetic.ts';
import { each, onlyFirst, type Rule, type Setting } from './rule.ts';

/** Operators that pick, place and sort elements. How many an operator finds depends on values; then only the rank is known. */
export const INDEXING: readonly (readonly [string, Rule])[] = [
  ...each('Scatter ScatterElements ScatterND Trilu ReverseSequence TensorScatter', onlyFirst),
  ...each('EyeLike RandomNormalLike RandomUniformLike Bernoulli', onlyFirst),
  ...each('RandomNormal RandomUniform', ({ node }) => [intsAttribute(node, 'shape')]),
  ['TopK', topK],
  ['OneHot', oneHot],
  ['GatherND', gatherND],
  ['NonZero', ({ first }) => [[first?.length, undefined]]],
  ['NonMaxSuppression', () => [[undefined, 3]]],
  ['Shape', ({ first }) => [first && [first.length]]],
  ['Size', () => [[]]],
];

function topK({ node, first, integers }: Setting): readonly (Dims | undefined)[] {
  const [axis] = normalizeAxes([intAttribute(node, 'axis', -1)], first?.length ?? 0) ?? [];
  const dims = axis === undefined ? undefined : first?.with(axis, node.inputs[1] ? integers(1)?.[0] : intAttribute(node, 'k', 1));
  return node.outputs.map(() => dims);
}

function oneHot({ node, first, integers }: Setting): readonly (Dims | undefined)[] {
  const [axis] = normalizeAxes([intAttribute(node, 'axis', -1)], (first?.length ?? 0) + 1) ?? [];
  return [first && axis !== undefined ? first.toSpliced(axis, 0, integers(1)?.[0]) : undefined];
}

function gatherND({ node, dims: [data, indices] }: Setting): readonly (Dims | undefined)[] {
  const batch = intAttribute(node, 'batch_dims', 0);
  const depth = indices?.at(-1);
  return [data && indices && depth !== undefined ? [...indices.slice(0, -1), ...data.slice(batch + depth)] : undefined];
}
