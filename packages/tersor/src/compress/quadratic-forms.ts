import { makeNode } from '../core/graph.ts';
import type { Model } from '../core/model.ts';
import type { Gram } from '../core/observation.ts';
import type { Job } from './job.ts';
import { openTemporarily } from './open-temporarily.ts';
import type { Referee } from './referee.ts';

/** tr(D G Dᵀ) of matrices D, computed by the runtime. */
export interface QuadraticForms {
  /** @returns a function of D `[outputs, columns]`, whose rows see the Gram matrix G of their group */
  of(gram: Gram): Promise<(matrix: Float32Array) => Promise<number>>;
  close(): Promise<void>;
}

/** The sum of (D G) ∘ D; groups are the batch of the product. */
const MODEL: Model = {
  format: 'onnx',
  meta: { properties: new Map(), producer: 'tersor', format: undefined },
  weights: new Map(),
  execution: new Map(),
  graph: {
    name: 'quadratic-form',
    opsets: new Map([['', 13]]),
    inputs: [
      { name: 'd', dtype: 'f32', shape: ['groups', 'rows', 'columns'] },
      { name: 'g', dtype: 'f32', shape: ['groups', 'columns', 'columns'] },
    ],
    outputs: [{ name: 'sum', dtype: 'f32', shape: [] }],
    values: new Map(),
    initializers: new Map(),
    nodes: [
      makeNode('MatMul', ['d', 'g'], ['product']),
      makeNode('Mul', ['product', 'd'], ['squares']),
      makeNode('ReduceSum', ['squares'], ['sum'], { keepdims: 0 }),
    ],
  },
};

/** @throws MODEL_INVALID, FILE_WRITE */
export async function openQuadraticForms({ input, target, kernels }: Job, { engine }: Referee): Promise<QuadraticForms> {
  const { session, close } = await openTemporarily(engine, MODEL, { format: input.format, target, kernels });
  return {
    async of({ rows, groups, columns, values }) {
      // The mean over rows: sums of many large values would not fit into a float.
      const g = Float32Array.from(values, (value) => value / Math.max(1, rows));
      await session.hold({ g: { dtype: 'f32', shape: [groups, columns, columns], data: g } });
      return async (matrix) => {
        const shape = [groups, matrix.length / groups / columns, columns];
        const { sum } = await session.run({ d: { dtype: 'f32', shape, data: matrix } });
        return Number(sum?.data[0]);
      };
    },
    close,
  };
}
