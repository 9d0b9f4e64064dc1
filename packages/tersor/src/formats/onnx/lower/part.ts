import type { DType, Shape } from '../../../core/dtype.ts';
import { TersorError } from '../../../core/error.ts';
import type { Kernels } from '../../../core/kernels.ts';
import type { Weight } from '../../../core/model.ts';
import type { AffineTensor, Tensor } from '../../../core/tensor.ts';

/** One initializer that a compressed weight is stored as: codes, scales or zero points. */
export interface Part<T extends Tensor = AffineTensor> {
  readonly suffix: string;
  readonly dtype: DType;
  readonly shape: Shape;
  bytes(tensor: T, kernels: Kernels): Promise<Uint8Array>;
}

/**
 * The parts as weights of their own. Whichever is loaded first loads the compressed weight; it is kept until every part was loaded once,
 * so a writer that takes them one after the other quantizes once.
 * @param kernels  absent while only sizes are asked for
 */
export function partWeights<K extends 'affine' | 'levels' | 'codebook' = 'affine'>(
  weight: Weight,
  parts: readonly Part<Extract<Tensor, { kind: K }>>[],
  freshId: (base: string) => string,
  kernels: Kernels | undefined,
  kind: K = 'affine' as K,
): Weight[] {
  type Whole = Extract<Tensor, { kind: K }>;
  const waiting = new Set<Part<Whole>>();
  let loaded: Promise<Whole> | undefined;
  const take = async (part: Part<Whole>): Promise<Whole> => {
    if (!loaded) for (const other of parts) waiting.add(other);
    loaded ??= loadAs(weight, kind);
    const tensor = await loaded;
    waiting.delete(part);
    if (waiting.size === 0) loaded = undefined;
    return tensor;
  };
  return parts.map((part) => ({
    id: freshId(`${weight.id}#${part.suffix}`),
    shape: part.shape,
    dtype: part.dtype,
    layout: { kind: 'dense', dtype: part.dtype },
    load: async () => {
      if (!kernels) throw new TersorError('INTERNAL', weight.id, 'a weight was loaded where only its size was asked for');
      return { kind: 'dense', dtype: part.dtype, shape: part.shape, bytes: await part.bytes(await take(part), kernels) };
    },
  }));
}

async function loadAs<K extends Tensor['kind']>(weight: Weight, kind: K): Promise<Extract<Tensor, { kind: K }>> {
  const tensor = await weight.load();
  const isOf = (each: Tensor): each is Extract<Tensor, { kind: K }> => each.kind === kind;
  if (isOf(tensor)) return tensor;
  throw new TersorError('INTERNAL', weight.id, `a weight that was planned as ${kind} came as ${tensor.kind}`);
}

/** Float values as the file stores them. */
export async function floatBytes(values: Float32Array, dtype: DType, kernels: Kernels): Promise<Uint8Array> {
  const stored = dtype === 'f16' ? await kernels.toHalf(values) : values;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}
