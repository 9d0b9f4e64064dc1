import type { WeightId } from '../../core/graph.ts';

/** What only this format's writer needs; `Meta.format` of such a model. */
export interface SafetensorsMeta {
  /** In the order in which their values lie, one list a file. */
  readonly shards: readonly (readonly WeightId[])[];
}

/** `Meta.format` as this format's reader made it; one file, in any order, for models from elsewhere. */
export function safetensorsMeta(format: unknown): SafetensorsMeta {
  return isSafetensorsMeta(format) ? format : { shards: [[]] };
}

function isSafetensorsMeta(format: unknown): format is SafetensorsMeta {
  return typeof format === 'object' && format !== null && 'shards' in format;
}
