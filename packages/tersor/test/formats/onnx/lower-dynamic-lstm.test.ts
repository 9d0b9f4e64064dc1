import { describe, expect, it } from 'vitest';
import { decode, denseOf } from '../../../src/core/decode.ts';
import { makeNode, type Node } from '../../../src/core/graph.ts';
import { type Model, mapWeights } from '../../../src/core/model.ts';
import { lower } from '../../../src/formats/onnx/lower.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { floats } from '../../support/layer-zoo.ts';
import { dynamic } from '../../support/quantized.ts';
import { runOn, written } from '../../support/runtimes.ts';

const [INPUTS, HIDDEN, TIME, BATCH] = [20, 16, 5, 2];

interface Spec {
  readonly directions?: 1 | 2;
  readonly extras?: readonly ('B' | 'lengths' | 'states' | 'P')[];
  readonly attributes?: Readonly<Record<string, number | string>>;
}

function lstm({ directions = 1, extras = [], attributes = {} }: Spec): Model {
  const has = (extra: (typeof extras)[number], name: string) => (extras.includes(extra) ? name : '');
  const operands = ['x', 'w', 'r', has('B', 'b'), has('lengths', 'lengths'), has('states', 'h'), has('states', 'c'), has('P', 'p')];
  const node: Node = makeNode('LSTM', operands, ['y', 'y.h', 'y.c'], {
    hidden_size: HIDDEN,
    ...(directions === 2 && { direction: 'bidirectional' }),
    ...attributes,
  });
  return handMade({
    nodes: [node],
    weights: {
      w: [directions, 4 * HIDDEN, INPUTS],
      r: [directions, 4 * HIDDEN, HIDDEN],
      b: [directions, 8 * HIDDEN],
      p: [directions, 3 * HIDDEN],
      h: [directions, BATCH, HIDDEN],
      c: [directions, BATCH, HIDDEN],
      lengths: {
        id: 'lengths',
        shape: [BATCH],
        dtype: 'i32',
        layout: { kind: 'dense', dtype: 'i32' },
        load: async () => ({ kind: 'dense', dtype: 'i32', shape: [BATCH], bytes: new Uint8Array(Int32Array.of(3, 5).buffer) }),
      },
    },
    inputs: [tensorInfo('x', 'f32', attributes.layout === 1 ? [BATCH, TIME, INPUTS] : [TIME, BATCH, INPUTS])],
    outputs: ['y', 'y.h', 'y.c'].map((name) => tensorInfo(name, 'f32')),
    opset: 14,
  });
}

const feeds = { x: floats('x', [TIME, BATCH, INPUTS]) };

/** The same weights in floats. */
function decoded(model: Model): Model {
  const plain = mapWeights(model, (weight) =>
    weight.layout.kind === 'affine'
      ? { ...weight, layout: { kind: 'dense', dtype: 'f32' }, load: async () => denseOf(decode(await weight.load()), weight.shape) }
      : undefined,
  );
  return { ...plain, execution: new Map() };
}

const operators = async (model: Model) => (await lower(model, 'node')).model.graph!.nodes.map(({ op }) => op);

describe('an LSTM in integers', () => {
  it.each<Spec>([
    {},
    { extras: ['B'] },
    { extras: ['B', 'states'] },
    { extras: ['B', 'lengths', 'states'] },
    { extras: ['B', 'lengths', 'states', 'P'], directions: 2 },
    { directions: 2 },
    { attributes: { direction: 'reverse' } },
  ])('differs from its decoded weights by the rounding of activations: %j', async (spec) => {
    const model = await dynamic(lstm(spec), { scale: 'f32' });
    expect(await operators(model)).toEqual(['DynamicQuantizeLSTM']);
    const bytes = await written(model);
    expect(bytes.length).toBe((await onnx.size(model, 'node')).bytes);
    const wanted = await runOn('node', await written(decoded(model)), feeds);
    for (const runtime of ['node', 'web'] as const) {
      const found = await runOn(runtime, bytes, feeds);
      for (const [name, values] of Object.entries(wanted)) {
        const size = Array.from(values).reduce((sum, value) => sum + value * value, 0);
        const moved = Array.from(values).reduce((sum, value, i) => sum + (value - found[name]![i]!) ** 2, 0);
        expect(Math.sqrt(moved / size), `${name} on ${runtime}`).toBeLessThan(0.01);
      }
    }
  });

  it('is expanded where the operator would not do: batch first, or only one of its weights', async () => {
    expect(await operators(await dynamic(lstm({ attributes: { layout: 1 } })))).toContain('LSTM');
    const model = await dynamic(lstm({}));
    const one = { ...model, execution: new Map([['w', 'dynamic' as const]]) };
    expect(await operators(one)).toContain('LSTM');
  });
});
