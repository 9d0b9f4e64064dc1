import { findLayers } from '../../src/core/find-layers.ts';
import type { CodebookLayout } from '../../src/core/layout.ts';
import { type Model, mapWeights } from '../../src/core/model.ts';
import { chooseVectors } from '../../src/methods/choose-vectors.ts';
import { inlineKernels } from './runtimes.ts';

/** Every layer as entries of books. */
export async function withBooks(model: Model, shape: Pick<CodebookLayout, 'vector' | 'books' | 'entries'>): Promise<Model> {
  const kernels = await inlineKernels;
  const axes = new Map((await findLayers(model)).map(({ weight, outputAxes }) => [weight.id, outputAxes]));
  return mapWeights(model, (weight) => {
    const outputs = axes.get(weight.id);
    const layout = outputs && ({ kind: 'codebook', outputs, ...shape } as const);
    return layout && { ...weight, layout, load: () => chooseVectors(weight, layout, { rounds: 1 }, kernels) };
  });
}
