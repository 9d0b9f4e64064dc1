import { findLayers } from '../../src/core/find-layers.ts';
import type { Context } from '../../src/core/method.ts';
import type { Model } from '../../src/core/model.ts';
import { parseOptions } from '../../src/core/options.ts';
import dynamicInt8 from '../../src/methods/quantize/dynamic-int8.ts';
import rtn from '../../src/methods/quantize/rtn.ts';
import { inlineKernels } from './runtimes.ts';

/** Every layer of the model by rtn, however small. */
export async function quantized(model: Model, raw: Readonly<Record<string, unknown>>): Promise<Model> {
  return rtn.apply(model, parseOptions('rtn', rtn.options, { minimum: 1, ...raw }), await contextOf(model));
}

/** Every linear and recurrent layer by dynamic-int8, however small. */
export async function dynamic(model: Model, raw: Readonly<Record<string, unknown>> = {}): Promise<Model> {
  return dynamicInt8.apply(model, parseOptions('dynamic-int8', dynamicInt8.options, { minimum: 1, ...raw }), await contextOf(model));
}

async function contextOf(model: Model): Promise<Context> {
  return {
    scope: await findLayers(model),
    kernels: await inlineKernels,
    note: () => {},
    observed: async () => undefined,
    recall: (_, make) => make(),
    random: () => Math.random,
  };
}
