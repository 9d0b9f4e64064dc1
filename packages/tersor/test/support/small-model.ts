import { denseOf } from '../../src/core/decode.ts';
import { elementsOf, type Shape } from '../../src/core/dtype.ts';
import { type Graph, makeNode, type ValueInfo } from '../../src/core/graph.ts';
import type { Model, Weight } from '../../src/core/model.ts';
import { randomFor } from '../../src/core/random.ts';

/** Weights larger than 64 KiB must not be read while planning; `big` and `table` are. */
const SHAPES = {
  table: [600, 64],
  big: [64, 300],
  odd: [300, 33],
  filter: [24, 8, 3, 3],
  depthwise: [24, 1, 3, 3],
  'lstm.w': [1, 64, 33],
  'lstm.r': [1, 64, 16],
  bias: [33],
} as const satisfies Record<string, Shape>;

/** The same as llama.cpp has them, with rows of whole blocks, of blocks of 32 alone, and of neither. */
const GGUF_SHAPES = {
  'token_embd.weight': [600, 256],
  'blk.0.attn_v.weight': [64, 512],
  'blk.0.ffn_down.weight': [256, 96],
  'blk.0.ffn_up.weight': [300, 33],
  'blk.0.attn_norm.weight': [33],
  'output.weight': [600, 256],
} as const satisfies Record<string, Shape>;

export interface CountedModel {
  readonly model: Model;
  /** Ids of the weights that were loaded, in order. */
  readonly loads: string[];
}

/**
 * A model with a layer of every kind: an embedding, two linear layers (one with an odd number of outputs), a recurrent layer, convolutions
 * (one depthwise). `copies` > 1 stacks unrelated copies of its weights, which nothing uses.
 */
export function smallModel(): CountedModel {
  const loads: string[] = [];
  const weights = new Map(Object.entries(SHAPES).map(([id, shape]) => [id, weightOf(id, shape, loads)]));
  return {
    model: {
      format: 'onnx',
      meta: { properties: new Map([['author', 'somebody']]), producer: 'test', format: undefined },
      weights,
      graph: graph(),
      execution: new Map(),
    },
    loads,
  };
}

/** A checkpoint with floats. */
export function smallGguf(): CountedModel {
  const loads: string[] = [];
  const weights = new Map(Object.entries(GGUF_SHAPES).map(([id, shape]) => [id, weightOf(id, shape, loads)]));
  const properties = new Map([
    ['general.architecture', 'llama'],
    ['llama.block_count', '1'],
  ]);
  return { model: { format: 'gguf', meta: { properties, producer: 'test', format: undefined }, weights, execution: new Map() }, loads };
}

/** Input and output names, types and shapes of `smallModel`. */
function graph(): Graph {
  return {
    name: 'small',
    opsets: new Map([['', 13]]),
    inputs: [value('ids', 'i64', ['batch', 5]), value('picture', 'f32', ['batch', 8, 7, 7])],
    outputs: [value('states', 'f32', undefined), value('features', 'f32', undefined)],
    values: new Map(),
    initializers: new Map(Object.keys(SHAPES).map((name) => [name, name])),
    nodes: [
      makeNode('Gather', ['table', 'ids'], ['embedded']),
      makeNode('MatMul', ['embedded', 'big'], ['hidden']),
      makeNode('Tanh', ['hidden'], ['active']),
      makeNode('MatMul', ['active', 'odd'], ['narrow']),
      makeNode('Add', ['narrow', 'bias'], ['shifted']),
      makeNode('LSTM', ['shifted', 'lstm.w', 'lstm.r'], ['states'], { hidden_size: 16 }),
      makeNode('Conv', ['picture', 'filter'], ['maps'], { pads: [1, 1, 1, 1] }),
      makeNode('Conv', ['maps', 'depthwise'], ['features'], { group: 24, pads: [1, 1, 1, 1] }),
    ],
  };
}

function value(name: string, dtype: 'f32' | 'i64', shape: ValueInfo['shape']): ValueInfo {
  return { name, dtype, ...(shape && { shape }) };
}

function weightOf(id: string, shape: Shape, loads: string[]): Weight {
  return {
    id,
    shape,
    dtype: 'f32',
    layout: { kind: 'dense', dtype: 'f32' },
    load: async () => {
      loads.push(id);
      const random = randomFor(1, id);
      return denseOf(
        Float32Array.from({ length: elementsOf(shape) }, () => (random() + random() + random() - 1.5) / 4),
        shape,
      );
    },
  };
}
