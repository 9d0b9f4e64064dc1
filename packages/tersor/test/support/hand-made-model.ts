import { denseOf } from '../../src/core/decode.ts';
import { type DType, elementsOf, type Shape } from '../../src/core/dtype.ts';
import type { Graph, Node, ValueInfo } from '../../src/core/graph.ts';
import { halfBits } from '../../src/core/half.ts';
import type { Model, Weight } from '../../src/core/model.ts';
import { randomFor } from '../../src/core/random.ts';

export interface HandMade {
  readonly nodes: readonly Node[];
  /** Shapes of f32 weights, filled at random; arrays of bigint are i64 constants; anything else as given. */
  readonly weights: Readonly<Record<string, Shape | readonly bigint[] | Weight>>;
  readonly inputs?: readonly ValueInfo[];
  readonly outputs?: readonly ValueInfo[];
  readonly opset?: number;
}

/** A model with the graph a test is about, and nothing else. */
export function handMade({ nodes, weights, inputs = [], outputs = [], opset = 13 }: HandMade): Model {
  const made = Object.entries(weights).map(([id, spec]) => toWeight(id, spec));
  return {
    format: 'onnx',
    meta: { properties: new Map(), producer: 'test', format: undefined },
    weights: new Map(made.map((weight) => [weight.id, weight])),
    graph: graphOf({ nodes, inputs, outputs, initializers: made.map(({ id }) => id).filter((id) => !id.includes('/')), opset }),
    execution: new Map(),
  };
}

/** A graph that declares weights called like their ids; a branch's weights are `branch/name`. */
export function graphOf({
  nodes,
  inputs = [],
  outputs = [],
  initializers = [],
  opset = 13,
}: {
  readonly nodes: readonly Node[];
  readonly inputs?: readonly ValueInfo[];
  readonly outputs?: readonly ValueInfo[];
  readonly initializers?: readonly string[];
  readonly opset?: number;
}): Graph {
  return {
    name: 'g',
    nodes,
    inputs,
    outputs,
    values: new Map(),
    initializers: new Map(initializers.map((id) => [id.slice(id.lastIndexOf('/') + 1), id])),
    opsets: new Map([['', opset]]),
  };
}

export function tensorInfo(name: string, dtype: DType, shape?: ValueInfo['shape']): ValueInfo {
  return { name, dtype, ...(shape && { shape }) };
}

/** Values of a bell shape, in f32 or f16. */
export function randomWeight(id: string, shape: Shape, dtype: 'f32' | 'f16' = 'f32'): Weight {
  const load = async () => {
    const random = randomFor(7, id);
    const values = Float32Array.from({ length: elementsOf(shape) }, () => (random() + random() + random() - 1.5) / 3);
    if (dtype === 'f32') return denseOf(values, shape);
    return { kind: 'dense' as const, dtype, shape, bytes: new Uint8Array(Uint16Array.from(values, halfBits).buffer) };
  };
  return { id, shape, dtype, layout: { kind: 'dense', dtype }, load };
}

export function integerWeight(id: string, values: readonly bigint[]): Weight {
  const shape = [values.length];
  const bytes = new Uint8Array(BigInt64Array.from(values).buffer);
  return {
    id,
    shape,
    dtype: 'i64',
    layout: { kind: 'dense', dtype: 'i64' },
    load: async () => ({ kind: 'dense', dtype: 'i64', shape, bytes }),
  };
}

function toWeight(id: string, spec: Shape | readonly bigint[] | Weight): Weight {
  if (!('length' in spec)) return spec;
  const integers = spec.filter((value) => typeof value === 'bigint');
  const lengths = spec.filter((value) => typeof value === 'number');
  return integers.length > 0 ? integerWeight(id, integers) : randomWeight(id, lengths);
}
