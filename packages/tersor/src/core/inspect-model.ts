import { alreadyQuantized } from './already-quantized.ts';
import { describe } from './describe.ts';
import { elementsOf, FLOATS } from './dtype.ts';
import { findLayers } from './find-layers.ts';
import type { Lifted } from './format.ts';
import { eachGraph, type Graph, type WeightId } from './graph.ts';
import type { InspectedWeight, Inspection } from './inspection.ts';
import type { Layer } from './layers.ts';
import { bytesOf } from './layout.ts';
import type { Model, Weight } from './model.ts';

/** Codes of quantized weights count as parameters; wider integers are indices and shapes. */
const PARAMETERS: readonly string[] = [...FLOATS, 'i8', 'u8', 'i4', 'u4', 'i2', 'u2', 'f8e4m3', 'f8e4m3uz', 'f8e5m2', 'f8e5m2uz', 'f4e2m1'];

/**
 * What is inside `model`; reads shapes, no weights.
 * @param lifted  the same with its weights in their layouts, whatever operators store them so
 * @param sizes  what weights take in the file, where that is not what their layouts do
 */
export async function inspectModel(
  model: Model,
  file: Pick<Inspection, 'path' | 'bytes'>,
  lifted: Lifted = { model, owners: new Map() },
  sizes: ReadonlyMap<WeightId, number> = new Map(),
): Promise<Inspection> {
  const { graph, meta, format } = model;
  const weights = [...lifted.model.weights.values()];
  const layers = new Map((await findLayers(lifted.model)).map((layer) => [layer.weight.id, layer]));
  const stored = bytesByOwner(model, lifted);
  return {
    ...file,
    format,
    producer: meta.producer,
    opsets: Object.fromEntries(graph?.opsets ?? []),
    inputs: graph ? valuesOf(graph, graph.inputs) : [],
    outputs: graph ? valuesOf(graph, graph.outputs) : [],
    parameters: weights.filter(({ dtype }) => PARAMETERS.includes(dtype)).reduce((sum, { shape }) => sum + elementsOf(shape), 0),
    weights: weights.map((weight) => inspectWeight(weight, layers.get(weight.id), stored.get(weight.id) ?? sizes.get(weight.id))),
    operators: graph ? countOperators(graph) : {},
    alreadyQuantized: alreadyQuantized(lifted.model),
    metadata: Object.fromEntries(meta.properties),
  };
}

function inspectWeight(weight: Weight, layer: Layer | undefined, bytes = bytesOf(weight)): InspectedWeight {
  const { id, shape, dtype, layout } = weight;
  return {
    id,
    shape,
    dtype,
    layout: describe(layout),
    bytes,
    ...(layer && { kind: layer.kind }),
    uses: layer?.uses.length ?? 0,
  };
}

/** What the parts of each weight take together. */
function bytesByOwner({ weights }: Model, { owners }: Lifted): Map<WeightId, number> {
  const bytes = new Map<WeightId, number>();
  for (const [part, owner] of owners) {
    const weight = weights.get(part);
    if (weight) bytes.set(owner, (bytes.get(owner) ?? 0) + bytesOf(weight));
  }
  return bytes;
}

/** Inputs that have an initializer are weights, not what a user feeds. */
function valuesOf({ initializers }: Graph, values: Graph['inputs']): Inspection['inputs'] {
  return values
    .filter(({ name }) => !initializers.has(name))
    .map(({ name, dtype, shape }) => ({ name, ...(dtype !== undefined && { dtype }), ...(shape && { shape }) }));
}

function countOperators(graph: Graph): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { graph: inner } of eachGraph(graph)) {
    for (const { op, domain } of inner.nodes) {
      const name = domain === '' || domain === 'ai.onnx' ? op : `${domain}.${op}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return Object.fromEntries(counts);
}
