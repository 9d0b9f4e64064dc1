import type { Arithmetic } from '../core/cost.ts';
import type { ProductFamily } from '../core/device.ts';
import { type DType, denseBytes, elementsOf, type Shape } from '../core/dtype.ts';
import { makeNode, type Node } from '../core/graph.ts';
import type { Model, Weight } from '../core/model.ts';
import { randomFor } from '../core/random.ts';
import type { Step } from '../core/recipe.ts';

/** A tiny model that shows one speed of a device. */
export interface Probe {
  readonly model: Model;
  /** Of its input `x`, which is f32. */
  readonly input: Shape;
  /** What the model becomes first, in the way tersor compresses it. */
  readonly steps?: readonly Step[];
}

/** One that shows what a family of products reaches in an arithmetic. */
export interface ProductProbe extends Probe {
  readonly family: ProductFamily;
  readonly arithmetic: Arithmetic;
  readonly macs: number;
}

/** Sizes as they are common in models that run on processors: 10 to 100 million multiply-accumulates. */
export function productProbes(): ProductProbe[] {
  return [
    ...[
      [128, 384, 1536],
      [64, 768, 768],
    ].flatMap(([rows = 1, inputs = 1, outputs = 1]) => linearProbes(rows, inputs, outputs)),
    convProbe(96, 96, 1, 28),
    convProbe(64, 64, 3, 28),
    convProbe(24, 144, 1, 56),
    depthwiseProbe(192, 3, 28),
    depthwiseProbe(96, 5, 28),
    ...recurrentProbes(32, 256, 256),
  ];
}

function linearProbes(rows: number, inputs: number, outputs: number): ProductProbe[] {
  const macs = rows * inputs * outputs;
  const base = { family: 'linear' as const, macs, model: linear(inputs, outputs), input: [rows, inputs] };
  const codes = (bits: number): Step => ({ use: 'rtn', bits, block: 32, execution: 'weight-only' });
  return [
    { ...base, arithmetic: 'f32' },
    { ...base, arithmetic: 'i8', steps: [{ use: 'dynamic-int8' }] },
    { ...base, arithmetic: 'w8', steps: [codes(8)] },
    { ...base, arithmetic: 'w4', steps: [codes(4)] },
    { ...base, arithmetic: 'w2', steps: [codes(2)] },
  ];
}

/** One row, so that all that matters is how quickly the weight comes: `bytes` of it, about. */
export function weightProbe(bytes: number): Probe & { readonly bytes: number } {
  const inputs = 512;
  const outputs = Math.max(1, Math.round(bytes / 4 / inputs));
  return { model: linear(inputs, outputs), input: [1, inputs], bytes: denseBytes('f32', [inputs, outputs]) };
}

/** `length` operators in a row that nothing fuses, on one element. */
export function chainProbe(length: number): Probe {
  const nodes = Array.from({ length }, (_, i) =>
    makeNode(i % 2 === 0 ? 'Sin' : 'Cos', [i === 0 ? 'x' : `v${i}`], [i === length - 1 ? 'y' : `v${i + 1}`]),
  );
  return { model: modelOf(nodes, {}), input: [1] };
}

/** Operators on elements that lie in the cache, with the operations that the cost model counts for them. */
export function elementProbes(): (Probe & { readonly operations: number })[] {
  const input = [128, 1024];
  return [
    { model: modelOf([makeNode('Erf', ['x'], ['y'])], {}), input, operations: 10 * elementsOf(input) },
    { model: modelOf([makeNode('Softmax', ['x'], ['y'], { axis: -1 })], {}), input, operations: 13 * elementsOf(input) },
  ];
}

/** Additions in a row, on tensors of `size` bytes: each reads two of them and writes one. */
export function streamProbe(size: number): Probe & { readonly bytes: number } {
  const length = 16;
  const nodes = Array.from({ length }, (_, i) => makeNode('Add', [i === 0 ? 'x' : `v${i}`, 'x'], [i === length - 1 ? 'y' : `v${i + 1}`]));
  return { model: modelOf(nodes, {}), input: [Math.round(size / 4)], bytes: 3 * length * size };
}

function linear(inputs: number, outputs: number): Model {
  return modelOf([makeNode('MatMul', ['x', 'w'], ['y'])], { w: [inputs, outputs] });
}

function convProbe(inputs: number, outputs: number, window: number, side: number): ProductProbe {
  const model = modelOf([makeNode('Conv', ['x', 'w'], ['y'], same(window))], { w: [outputs, inputs, window, window] });
  return { family: 'conv', arithmetic: 'f32', macs: outputs * inputs * window ** 2 * side ** 2, model, input: [1, inputs, side, side] };
}

function depthwiseProbe(channels: number, window: number, side: number): ProductProbe {
  const model = modelOf([makeNode('Conv', ['x', 'w'], ['y'], { ...same(window), group: channels })], { w: [channels, 1, window, window] });
  return { family: 'depthwise', arithmetic: 'f32', macs: channels * window ** 2 * side ** 2, model, input: [1, channels, side, side] };
}

function same(window: number) {
  const pad = (window - 1) / 2;
  return { pads: [pad, pad, pad, pad] };
}

function recurrentProbes(length: number, inputs: number, hidden: number): ProductProbe[] {
  const model = modelOf([makeNode('LSTM', ['x', 'w', 'r'], ['y'], { hidden_size: hidden })], {
    w: [1, 4 * hidden, inputs],
    r: [1, 4 * hidden, hidden],
  });
  const base = { family: 'recurrent' as const, macs: length * 4 * hidden * (inputs + hidden), model, input: [length, 1, inputs] };
  return [
    { ...base, arithmetic: 'f32' },
    { ...base, arithmetic: 'i8', steps: [{ use: 'dynamic-int8' }] },
  ];
}

function modelOf(nodes: readonly Node[], shapes: Readonly<Record<string, Shape>>): Model {
  const weights = Object.entries(shapes).map(([id, shape]) => randomWeight(id, shape));
  const value = (name: string) => ({ name, dtype: 'f32' as DType });
  return {
    format: 'onnx',
    meta: { properties: new Map(), producer: 'tersor', format: undefined },
    weights: new Map(weights.map((weight) => [weight.id, weight])),
    graph: {
      name: 'probe',
      nodes,
      inputs: [value('x')],
      outputs: [value('y')],
      values: new Map(),
      initializers: new Map(weights.map(({ id }) => [id, id])),
      opsets: new Map([['', 17]]),
    },
    execution: new Map(),
  };
}

function randomWeight(id: string, shape: Shape): Weight {
  const load = async () => {
    const random = randomFor(1, id);
    const values = Float32Array.from({ length: elementsOf(shape) }, () => (random() - 0.5) / 8);
    return { kind: 'dense' as const, dtype: 'f32' as const, shape, bytes: new Uint8Array(values.buffer) };
  };
  return { id, shape, dtype: 'f32', layout: { kind: 'dense', dtype: 'f32' }, load };
}
