import type { Architecture, Facts } from '../architectures/architecture.ts';
import { keyOf, placesOf, sizesOf } from '../architectures/architecture.ts';
import { architectureOfGguf } from '../architectures/architectures.ts';
import type { Opened } from '../compress/open-model.ts';
import { TersorError } from '../core/error.ts';
import type { WeightId } from '../core/graph.ts';
import type { Model, Weight } from '../core/model.ts';
import { onnxPlaces } from './onnx-places.ts';
import { turned } from './rows.ts';
import { transposed } from './transposed.ts';

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
  const architecture = architectureOfGguf(properties.get('general.architecture'), where);
  const facts = factsOfGguf(architecture, properties);
  const sizes = sizesOf(facts);
  if (!sizes)
    throw new TersorError(
      'FILE_CORRUPT',
      where,
      'does not say how large its layers are',
      `see ${architecture.id}.* with: tersor inspect --json`,
    );
  const places = new Map(placesOf(architecture, sizes).map((place) => [place.gguf, place]));
  const weights: CheckpointWeight[] = [];
  const leftOut: WeightId[] = [];
  for (const weight of model.weights.values()) {
    const place = places.get(weight.id);
    if (!place) {
      leftOut.push(weight.id);
      continue;
    }
    const { turnedHeads: heads } = place;
    weights.push({ ...(heads === undefined ? weight : turned(weight, heads, 'to-checkpoint')), id: place.checkpoint, origin: weight.id });
  }
  return { ...named(weights, leftOut), described: { architecture, facts } };
}

function factsOfGguf(architecture: Architecture, properties: ReadonlyMap<string, string>): Facts {
  return new Map(
    architecture.facts.flatMap(({ key }) => {
      const text = properties.get(keyOf(architecture, key));
      return text === undefined || !Number.isFinite(Number(text)) ? [] : [[key, Number(text)] as const];
    }),
  );
}
