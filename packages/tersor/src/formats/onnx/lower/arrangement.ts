import { elementsOf, type Shape } from '../../../core/dtype.ts';
import type { Kernels } from '../../../core/kernels.ts';
import { type AffineLayout, matrixOf } from '../../../core/layout.ts';
import { inputAxes, permute } from '../../../core/matrix.ts';

/**
 * How a weight's matrix `[rows, columns]` lies in the file: as `[before, columns, after]`, with the outputs before and after the inputs.
 * Where that is the weight's own order, nothing has to be transposed when it is expanded.
 */
export interface Arrangement {
  readonly before: number;
  readonly columns: number;
  readonly after: number;
  readonly block: number;
  readonly blocks: number;
  /** The weight's lengths in the order of the file; its axis `i` is the weight's axis `order[i]`. */
  readonly shape: Shape;
  readonly order: readonly number[];
  /** What codes are multiplied in, and the shape of scales that broadcasts to it (for `ragged` blocks only after they are spread). */
  readonly codeShape: Shape;
  readonly scaleShape: Shape;
  /** The last block of a row is shorter. */
  readonly ragged: boolean;
}

export function arrange(layout: Pick<AffineLayout, 'outputs' | 'block'>, shape: Shape): Arrangement {
  const { rows, columns, block, blocks } = matrixOf(layout, shape);
  const inputs = inputAxes(shape, layout.outputs);
  const order = keepsOrder(layout.outputs, inputs) ? shape.map((_, axis) => axis) : [...layout.outputs, ...inputs];
  const lengths = (axes: readonly number[]) => axes.map((axis) => shape[axis] ?? 1);
  const first = order.findIndex((axis) => inputs.includes(axis));
  const before = elementsOf(lengths(order.slice(0, first < 0 ? order.length : first)));
  const after = rows / before;
  const common = { before, columns, after, block, blocks, order, shape: lengths(order), ragged: columns % block !== 0 };
  if (blocks === 1) {
    const scaleShape = order.map((axis) => (inputs.includes(axis) ? 1 : (shape[axis] ?? 1)));
    return { ...common, codeShape: common.shape, scaleShape };
  }
  if (common.ragged) return { ...common, codeShape: [before, columns, after], scaleShape: [before, blocks, after] };
  return { ...common, codeShape: [before, blocks, block, after], scaleShape: [before, blocks, 1, after] };
}

/** From `[rows, columns]`, or `[rows, blocks]`, to the order of the file. */
export async function toFileOrder<T extends Float32Array | Uint8Array>(
  values: T,
  { before, after }: Arrangement,
  kernels: Kernels,
): Promise<T> {
  if (after === 1) return values;
  if (before === 1) return kernels.transpose(values, after, values.length / after);
  return permute(values, [before, after, values.length / (before * after)], [0, 2, 1]);
}

/** Whether the inputs are neighbours and the outputs ascend: then the matrix is found in the weight's own order. */
function keepsOrder(outputs: readonly number[], inputs: readonly number[]): boolean {
  const ascending = outputs.every((axis, i) => i === 0 || axis > (outputs[i - 1] ?? -1));
  return ascending && inputs.every((axis, i) => i === 0 || axis === (inputs[i - 1] ?? -1) + 1);
}
