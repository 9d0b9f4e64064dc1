import { findLayers } from '../../src/core/find-layers.ts';
import type { Model } from '../../src/core/model.ts';
import { parseOptions } from '../../src/core/options.ts';
import rtn from '../../src/methods/quantize/rtn.ts';
import { inlineKernels } from './runtimes.ts';

/** Every layer of the model by rtn, however small. */
export async function quantized(model: Model, raw: Readonly<Record<string, unknown>>): Promise<Model> {
  const context = { scope: await findLayers(model), kernels: await inlineKernels, note: () => {}, random: () => Math.random };
  return rtn.apply(model, parseOptions('rtn', rtn.options, { minimum: 1, ...raw }), context);
}
