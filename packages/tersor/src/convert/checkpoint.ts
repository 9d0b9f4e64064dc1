import type { Architecture, Facts } from '../architectures/architecture.ts';
import { keyOf, type Place, placesOf, sizesOf } from '../architectures/architecture.ts';
import { architectureOfGguf } from '../architectures/architectures.ts';
import type { Opened } from '../compress/open-model.ts';
import { TersorError } from '../core/error.ts';
import type { WeightId } from '../core/graph.ts';
import { groupBy } from '../core/group-by.ts';
import type { Model, Weight } from '../core/model.ts';
import { onnxPlaces } from './onnx-places.ts';
import { turned } from './rows.ts';
import { unstacked } from './stack.ts';
import { transposed } from './transposed.ts';
import { floats, plus, reshaped } from './values.ts';

/** A model of any format as PyTorch has it: its names, its shapes, its order of rows. What two formats have in common is found in this form. */
export interface Checkpoint {
  /** By PyTorch's names. */
  readonly weights: ReadonlyMap<string, CheckpointWeight>;
  /** Of GGUF, the rest of what a config.json says. */
  readonly described?: { readonly architecture: Architecture; readonly facts: Facts };
  /** Weights that are none of PyTorch's. */
  readonly leftOut: readonly WeightId[];
}

export interface CheckpointWeight extends Weight {
  /** What it is called in its own file. */
  readonly origin: WeightId;
}

/** @throws FILE_UNSUPPORTED for a GGUF model of a family that is not known, FILE_CORRUPT for one that contradicts itself, SHAPE */
export async function checkpointOf({ format, model }: Opened): Promise<Checkpoint> {
  const lifted = (await format.lift(model)).model;
  switch (model.format) {
    case 'gguf':
      return ofGguf(lifted);
    case 'onnx':
      return ofOnnx(lifted);
    default:
      return named([...lifted.weights.values()].map((weight) => ({ ...weight, origin: weight.id })));
  }
}

function named(weights: readonly CheckpointWeight[], leftOut: readonly WeightId[] = []): Checkpoint {
  return { weights: new Map(weights.map((weight) => [weight.id, weight])), leftOut };
}

function ofOnnx(model: Model): Checkpoint {
  const places = onnxPlaces(model);
  const weights = places.map(({ weight, name, isTransposed }) => ({
    ...(isTransposed ? transposed(weight) : weight),
    id: name,
    origin: weight.id,
  }));
  const kept = new Set(places.map(({ weight }) => weight.id));
  return named(
    weights,
    [...model.weights.keys()].filter((id) => !kept.has(id)),
  );
}

function ofGguf(model: Model): Checkpoint {
  const { properties, files } = model.meta;
  const where = files?.[0]?.name ?? 'the model';
  const architecture = architectureOfGguf(properties, where);
  const facts = factsOfGguf(architecture, properties);
  const sizes = sizesOf(facts);
  if (!sizes)
    throw new TersorError(
      'FILE_CORRUPT',
      where,
      'does not say how large its layers are',
      `see ${architecture.id}.* with: tersor inspect --json`,
    );
  const places = groupBy(placesOf(architecture, sizes), ({ gguf }) => gguf);
  mustHold(model, places);
  const weights: CheckpointWeight[] = [];
  const leftOut: WeightId[] = [];
  for (const weight of model.weights.values()) {
    const found = places.get(weight.id);
    if (!found) leftOut.push(weight.id);
    for (const place of found ?? []) weights.push({ ...takenFrom(weight, place), id: place.checkpoint, origin: weight.id });
  }
  return { ...named(weights, leftOut), described: { architecture, facts } };
}

/** What the metadata says of layers, against the weights. @throws FILE_CORRUPT */
function mustHold({ weights }: Model, places: ReadonlyMap<WeightId, readonly Place[]>): void {
  for (const [id, alike] of places) {
    // without an output, the embedding is it
    const isNeeded = id !== 'output.weight' && alike.some(({ isOptional }) => !isOptional);
    if (isNeeded && !weights.has(id)) throw new TersorError('FILE_CORRUPT', id, 'is not in the file', 'convert the model again');
  }
  for (const id of weights.keys()) {
    if (places.has(id) || !places.has(id.replace(/^blk\.\d+\./, 'blk.0.'))) continue;
    throw new TersorError('FILE_CORRUPT', id, 'is of a layer that block_count does not count', 'convert the model again');
  }
}

/** @throws SHAPE */
function takenFrom(stored: Weight, { expert, shape, turnedHeads, isTransposed, offset = 0 }: Place): Weight {
  const isStack = expert !== undefined;
  if (isStack && stored.shape.length !== shape.length + 1)
    throw new TersorError('SHAPE', stored.id, `[${stored.shape}] is no stack of experts`, 'convert it again');
  const weight = isStack ? unstacked(stored, expert) : stored;
  if (isTransposed) return transposed(floats(weight));
  if (offset !== 0) return plus(weight, -offset);
  if (turnedHeads !== undefined) return turned(weight, turnedHeads, 'to-checkpoint');
  // of axes of one row GGUF keeps none
  return shape[0] === 1 && weight.shape.length === shape.length - 1 ? reshaped(weight, [1, ...weight.shape]) : weight;
}

function factsOfGguf(architecture: Architecture, properties: ReadonlyMap<string, string>): Facts {
  return new Map(
    architecture.facts.flatMap(({ key }) => {
      const text = properties.get(keyOf(architecture, key));
      return text === undefined || !Number.isFinite(Number(text)) ? [] : [[key, Number(text)] as const];
    }),
  );
}
