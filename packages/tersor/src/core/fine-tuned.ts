import { decode } from './decode.ts';
import type { DType } from './dtype.ts';
import { TersorError } from './error.ts';
import type { WeightId } from './graph.ts';
import type { Kernels } from './kernels.ts';
import type { Context } from './method.ts';
import { type Model, mapWeights, type Weight } from './model.ts';
import { file } from './options.ts';
import type { OtherWeights } from './other-weights.ts';
import type { Tensor } from './tensor.ts';

/** The option of methods that change how far a model is from the one that it was made of. */
export const baseOption = file({
  default: '',
  doc: 'The model that this one was fine-tuned from: a file, an index of several, or their folder. Packing (-o result.tsr) and unpacking take it, too.',
});

/**
 * The layers' weights with another difference to those of the base, of the same name, shape and type; the others stay, and so does everything that is no matrix.
 * @param change  from the differences to what is put in their place; lazy, called when the weight is loaded
 * @throws BASE_MISSING, OPTION_VALUE where nothing of the base has anything to do with the model, USAGE where files cannot be read here; LAYOUT, when a weight is loaded, where values are infinite or not numbers
 */
export async function mapDifferences(
  model: Model,
  path: string,
  { scope, kernels, otherWeights, note }: Context,
  change: (differences: Float32Array, weight: Weight) => Float32Array,
): Promise<Model> {
  if (path === '')
    throw new TersorError('BASE_MISSING', 'base', 'is not given', 'name the model that this one was fine-tuned from: --base FILE');
  if (!otherWeights) throw new TersorError('USAGE', `base ${path}`, 'cannot be read here', 'run where there are files');
  const base = await otherWeights(path);
  const changed = new Map<WeightId, Weight>();
  for (const { weight } of scope) {
    const reason = reasonAgainst(weight, base);
    if (reason !== undefined) {
      note(weight.id, `stays: ${reason}`);
      continue;
    }
    const load = async (): Promise<Tensor> => {
      const [own, like] = [decode(await weight.load()), decode(await base.load(weight.id))];
      const differences = own.map((value, i) => value - like[i]!);
      if (!differences.every(Number.isFinite))
        throw new TersorError('LAYOUT', weight.id, 'or its base holds values that are infinite or not numbers', 'leave it out with a rule');
      const next = change(differences, weight);
      return stored(
        like.map((value, i) => value + next[i]!),
        weight,
        kernels,
      );
    };
    changed.set(weight.id, { ...weight, load, original: weight.load });
  }
  if (scope.length > 0 && changed.size === 0)
    throw new TersorError(
      'OPTION_VALUE',
      `base ${path}`,
      'has no weight in common with the model',
      'name the one that it was fine-tuned from',
    );
  return mapWeights(model, ({ id }) => changed.get(id));
}

function reasonAgainst({ id, shape, layout, dtype }: Weight, base: OtherWeights): string | undefined {
  const like = base.weights.get(id);
  if (!like) return 'the base has none of this name';
  if (like.shape.join() !== shape.join() || like.dtype !== dtype) return 'the base has another shape or type';
  return layout.kind === 'dense' && isFloat(layout.dtype) ? undefined : 'it is not stored as floats';
}

function isFloat(dtype: DType): boolean {
  return dtype === 'f32' || dtype === 'f16' || dtype === 'bf16';
}

/** Sums of 32-bit floats, rounded to how the weight is stored: so that whoever has the base and the differences gets the same bits. */
async function stored(sums: Float32Array<ArrayBuffer>, { layout, shape }: Weight, kernels: Kernels): Promise<Tensor> {
  const dtype = layout.kind === 'dense' ? layout.dtype : 'f32';
  const { buffer } = dtype === 'f32' ? sums : dtype === 'f16' ? await kernels.toHalf(sums) : await kernels.toBfloat16(sums);
  return { kind: 'dense', dtype, shape, bytes: new Uint8Array(buffer) };
}
