import type { WeightId } from '../../core/graph.ts';
import type { Weight } from '../../core/model.ts';

/** What only this format's writer needs; `Meta.format` of such a model. */
export interface SafetensorsMeta {
  /** One for each file. */
  readonly shards: readonly Shard[];
  /** Of a checkpoint with quantized layers, how it lies in the files. */
  readonly stored?: {
    /** Everything in the files, in their order. */
    readonly parts: ReadonlyMap<WeightId, Weight>;
    /** The model's weights as they were read. */
    readonly weights: ReadonlyMap<WeightId, Weight>;
    /** The weight that a part belongs to, where it is not one by itself. */
    readonly owners: ReadonlyMap<WeightId, WeightId>;
  };
}

interface Shard {
  /** In the order in which their values lie. */
  readonly weights: readonly WeightId[];
  /** The keys of the file's own metadata: loaders look into every file for its `format`. */
  readonly keys: readonly string[];
}

/** `Meta.format` as this format's reader made it; one file, in any order, for models from elsewhere. */
export function safetensorsMeta(format: unknown): SafetensorsMeta {
  return isSafetensorsMeta(format) ? format : { shards: [{ weights: [], keys: [] }] };
}

function isSafetensorsMeta(format: unknown): format is SafetensorsMeta {
  return typeof format === 'object' && format !== null && 'shards' in format;
}
