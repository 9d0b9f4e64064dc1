import { expect } from 'vitest';
import { findLayers } from '../../src/core/find-layers.ts';
import { eachGraph, type Node } from '../../src/core/graph.ts';
import type { Model, Weight } from '../../src/core/model.ts';
import { parseOptions } from '../../src/core/options.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import fp16 from '../../src/methods/quantize/fp16.ts';
import { handMade, tensorInfo } from './hand-made-model.ts';
import { runOn, type TestFeed, written } from './runtimes.ts';

export const X = tensorInfo('x', 'f32', [2, 4]);
export const Y = tensorInfo('y', 'f32');
export const FEED: Record<string, TestFeed> = {
  x: { type: 'float32', shape: [2, 4], data: Float32Array.of(0.5, -1, 2, 0.25, 3, 1, -0.5, 0.75) },
};

export function chain(nodes: readonly Node[], weights: Parameters<typeof handMade>[0]['weights'], opset = 13): Model {
  return handMade({ nodes, weights, inputs: [X], outputs: [Y], opset });
}

/** What fp16 makes of the model with the options `raw`, what it says, and all nodes, those of branches too. */
export async function convert(model: Model, raw: Readonly<Record<string, unknown>> = {}, selects = (_id: string) => true) {
  const notes: string[] = [];
  const kernels = await openKernels({ threads: 0 });
  const scope = (await findLayers(model)).filter(({ weight }) => selects(weight.id));
  const options = parseOptions('fp16', fp16.options, raw);
  const note = (about: string, message: string) => notes.push(`${about}: ${message}`);
  const result = await fp16.apply(model, options, {
    scope,
    kernels,
    note,
    observed: async () => undefined,
    recall: (_, make) => make(),
    random: () => () => 0,
  });
  return { result, notes, nodes: [...eachGraph(result.graph!)].flatMap(({ graph }) => graph.nodes) };
}

export function floats(id: string, values: readonly number[]): Weight {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  const shape = [values.length];
  return {
    id,
    shape,
    dtype: 'f32',
    layout: { kind: 'dense', dtype: 'f32' },
    load: async () => ({ kind: 'dense', dtype: 'f32', shape, bytes }),
  };
}

/** Every output alike: to `tolerance`, relative where values exceed 1. */
export async function expectSameRun(before: Model, after: Model, tolerance: number, feeds = FEED): Promise<void> {
  const [old, young] = [await runOn('node', await written(before), feeds), await runOn('node', await written(after), feeds)];
  for (const [name, values] of Object.entries(old)) {
    const worst = Math.max(...Array.from(values, (value, i) => Math.abs(value - young[name]![i]!) / Math.max(1, Math.abs(value))));
    expect(worst).toBeLessThan(tolerance);
  }
}
