import { isFloat } from '../core/dtype.ts';
import { TersorError } from '../core/error.ts';
import type { WeightId } from '../core/graph.ts';
import type { Kernels } from '../core/kernels.ts';
import { type Model, mapWeights, type Weight } from '../core/model.ts';
import { cast, FLOAT_TYPES, type FloatType } from './cast.ts';
import type { Checkpoint, CheckpointWeight } from './checkpoint.ts';
import type { Converted } from './converted.ts';
import { type OnnxPlace, onnxPlaces } from './onnx-places.ts';
import { fits, pairNames } from './pair-names.ts';
import { transposed } from './transposed.ts';

/**
 * The graph of `model` with the weights of a checkpoint in place of its own, in the types that it has. What the checkpoint does not have stays. Loads no weight.
 * @throws RULE_UNMATCHED when no name fits, SHAPE when a weight has another shape
 */
export function intoOnnx(checkpoint: Checkpoint, model: Model, kernels: Kernels): Converted {
  const places = onnxPlaces(model);
  const byName = new Map(places.map((place) => [place.name, place]));
  const pairs = pairNames(
    places.map(({ name, weight, isTransposed }) => ({ name, shape: isTransposed ? weight.shape.toReversed() : weight.shape })),
    [...checkpoint.weights.values()].map(({ id: name, shape }) => ({ name, shape })),
  );
  const replacements = new Map<WeightId, { readonly weight: Weight; readonly origin: WeightId }>();
  for (const [name, meant] of pairs) {
    const [place, weight] = [byName.get(name), checkpoint.weights.get(meant)];
    if (place && weight) replacements.set(place.weight.id, { weight: inPlaceOf(place, weight, kernels), origin: weight.origin });
  }
  if (replacements.size === 0) {
    const [first] = checkpoint.weights.keys();
    throw new TersorError(
      'RULE_UNMATCHED',
      first ?? 'the checkpoint',
      `no weight of the graph is called so, nor any other of the ${checkpoint.weights.size}`,
      'see the names with: tersor inspect <model> --weights',
    );
  }
  const used = new Set([...replacements.values()].map(({ origin }) => origin));
  return {
    model: mapWeights(model, ({ id }) => replacements.get(id)?.weight),
    origins: new Map([...replacements].map(([id, { origin }]) => [id, origin])),
    leftOut: [...[...checkpoint.weights.values()].map(({ origin }) => origin).filter((id) => !used.has(id)), ...checkpoint.leftOut],
  };
}

/** @throws SHAPE */
function inPlaceOf({ weight: old, isTransposed }: OnnxPlace, weight: CheckpointWeight, kernels: Kernels): Weight {
  const { origin: _, ...plain } = weight;
  const floats = cast(plain, floatTypeOf(old), kernels);
  const ways = isTransposed ? [transposed, same] : [same, transposed];
  // a square matrix fits either way: then its use decides
  const fitting = ways
    .map((way) => (way === transposed && weight.shape.length !== 2 ? floats : way(floats)))
    .find(({ shape }) => fits(old.shape, shape));
  if (!fitting)
    throw new TersorError('SHAPE', weight.id, `[${weight.shape}], and the graph has [${old.shape}]`, 'is it the graph of this checkpoint?');
  return { ...old, layout: fitting.layout, load: fitting.load };
}

function same(weight: Weight): Weight {
  return weight;
}

function floatTypeOf({ dtype }: Weight): FloatType {
  return Object.values(FLOAT_TYPES).find((type) => type === dtype && isFloat(dtype)) ?? 'f32';
}
