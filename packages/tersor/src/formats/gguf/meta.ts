import type { WeightId } from '../../core/graph.ts';
import type { Entry } from './metadata.ts';

/** One file of a model, without values. */
export interface Part {
  readonly version: number;
  readonly alignment: number;
  readonly metadata: ReadonlyMap<string, Entry>;
  /** In the order in which they are named and lie. */
  readonly weights: readonly WeightId[];
}

/** What only this format's writer needs; `Meta.format` of such a model. */
export interface GgufMeta {
  readonly parts: readonly Part[];
}

/** `Meta.format` as this format's reader made it; undefined for models from elsewhere. */
export function ggufMeta(format: unknown): GgufMeta | undefined {
  return isGgufMeta(format) ? format : undefined;
}

function isGgufMeta(format: unknown): format is GgufMeta {
  return typeof format === 'object' && format !== null && 'parts' in format;
}
