import { elementsOf, type Shape } from '../../../core/dtype.ts';
import { type AffineLayout, matrixOf } from '../../../core/layout.ts';
import { toMatrix } from '../../../core/matrix.ts';
import type { AffineTensor } from '../../../core/tensor.ts';
import { int } from '../../../numeric/int.ts';
import { arrange } from '../lower/arrangement.ts';
import { type Affine, type Grid, type Integers, type Origin, padded, type Scales, type Shifted } from './term.ts';

/** Codes times scales: a weight in the shape of its codes, with one scale along the axes that the scales broadcast over. */
export function product(factor: Integers | Shifted, scales: Scales, origin: Origin): Affine | undefined {
  const { codes, zeros } = factor.kind === 'shifted' ? factor : { codes: factor, zeros: undefined };
  const { shape } = codes;
  const lengths = padded(scales.shape, shape.length);
  if (!lengths || codes.spread || (zeros && !liesLike(zeros, scales, shape.length))) return undefined;
  const spreadAxis = scales.spread ? 1 : -1;
  if (scales.spread && (shape.length !== 3 || shape[1] !== scales.spread.columns)) return undefined;
  if (lengths.some((length, axis) => axis !== spreadAxis && length !== 1 && length !== shape[axis])) return undefined;
  const outputs = axesOf(shape).filter((axis) => axis !== spreadAxis && lengths[axis] !== 1);
  const grid = gridOf(shape, lengths, scales);
  return affine({
    ...origin,
    kind: 'affine',
    shape,
    dtype: 'f32',
    layout: layoutOf(codes, zeros, scales, outputs, scales.spread?.block ?? 'row'),
    codes,
    ...(zeros && { zeros }),
    scales,
    codesLie: { shape, outputs },
    scalesLie: { shape: lengths, outputs },
    ...(grid && { grid }),
  });
}

/** Undefined where there is nothing to share a scale, or zero points mean something else than codes do. */
export function affine(weight: Affine): Affine | undefined {
  const { shape, layout, zeros, codes } = weight;
  if (elementsOf(shape) === 0 || matrixOf(layout, shape).columns < 2) return undefined;
  return zeros && zeros.zero !== codes.zero ? undefined : weight;
}

/** Without zero points of its own, a weight whose middle code does not mean zero has the same one everywhere. */
export function layoutOf(
  { bits, zero }: Pick<Integers, 'bits' | 'zero'>,
  zeros: Pick<Integers, 'bits'> | undefined,
  { dtype }: Pick<Scales, 'dtype'>,
  outputs: readonly number[],
  block: AffineLayout['block'],
): AffineLayout {
  const width = zeros?.bits ?? (zero === 2 ** (bits - 1) ? undefined : bits);
  return {
    kind: 'affine',
    numeric: int(bits),
    outputs,
    block,
    scale: { kind: 'dense', dtype },
    ...(width !== undefined && { zero: { kind: 'dense', dtype: width === 8 ? 'u8' : width === 4 ? 'u4' : 'u2' } }),
  };
}

function liesLike(zeros: Integers, scales: Scales, rank: number): boolean {
  const sameSpread = zeros.spread?.block === scales.spread?.block && zeros.spread?.columns === scales.spread?.columns;
  return sameSpread && padded(zeros.shape, rank)?.join() === padded(scales.shape, rank)?.join();
}

/** Blocks have an axis of their own, `[before, blocks, block, after]`, or are spread over the columns of `[before, columns, after]`. */
function gridOf(shape: Shape, lengths: Shape, { spread }: Scales): Grid | undefined {
  const [before = 1, second = 1, third = 1, after = 1] = shape;
  if (spread) return { ...spread, before, after: third };
  const hasBlocks = shape.length === 4 && second > 1 && lengths.every((length, axis) => length === (axis === 2 ? 1 : shape[axis]));
  return hasBlocks ? { before, block: third, columns: second * third, after } : undefined;
}

/** A weight whose blocks lie on a grid, in its own shape; undefined when that does not keep rows and columns apart. */
export function reshaped(weight: Affine, shape: Shape, origin: Origin): Affine | undefined {
  const { grid, ...rest } = weight;
  if (!grid || elementsOf(shape) !== elementsOf(weight.shape)) return undefined;
  const first = splitAt(shape, 0, grid.before);
  const last = first === undefined ? undefined : splitAt(shape, first, grid.columns);
  if (first === undefined || last === undefined) return undefined;
  const outputs = axesOf(shape).filter((axis) => axis < first || axis >= last);
  const { before, after, block, columns } = grid;
  return {
    ...rest,
    ...origin,
    shape,
    layout: { ...weight.layout, outputs, block },
    codesLie: { shape, outputs },
    scalesLie: { shape: [before, Math.ceil(columns / block), after], outputs: [0, 2] },
  };
}

/** Where the axes from `from` on, multiplied, make `product`; axes of length 1 go with those before them. */
function splitAt(shape: Shape, from: number, product: number): number | undefined {
  let [at, reached] = [from, 1];
  while (at < shape.length && (reached < product || shape[at] === 1)) reached *= shape[at++] ?? 1;
  return reached === product ? at : undefined;
}

/** A weight with its axes in another order, if that is an order in which its matrix could not have been stored. */
export function transposed(weight: Affine, perm: readonly number[], origin: Origin): Affine | undefined {
  const { grid, ...rest } = weight;
  const { shape, layout } = weight;
  if (perm.length !== shape.length || new Set(perm).size !== shape.length || perm.some((axis) => shape[axis] === undefined))
    return undefined;
  const moved: Affine = {
    ...rest,
    ...origin,
    shape: perm.map((axis) => shape[axis] ?? 1),
    layout: { ...layout, outputs: layout.outputs.map((axis) => perm.indexOf(axis)) },
  };
  return arrange(moved.layout, moved.shape).order.some((axis, i) => axis !== i) ? moved : undefined;
}

/** The weight's values as the matrix that its layout speaks of. */
export async function loadAffine({ shape, layout, codes, zeros, scales, codesLie, scalesLie }: Affine): Promise<AffineTensor> {
  const matrix = {
    kind: 'affine' as const,
    shape,
    layout,
    codes: toMatrix(await codes.load(), codesLie.shape, codesLie.outputs),
    scales: toMatrix(await scales.load(), scalesLie.shape, scalesLie.outputs),
  };
  if (zeros) return { ...matrix, zeros: toMatrix(await zeros.load(), scalesLie.shape, scalesLie.outputs) };
  return layout.zero ? { ...matrix, zeros: new Uint8Array(matrix.scales.length).fill(codes.zero) } : matrix;
}

function axesOf(shape: Shape): number[] {
  return shape.map((_, axis) => axis);
}
