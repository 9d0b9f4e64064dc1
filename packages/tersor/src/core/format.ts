import type { WeightId } from './graph.ts';
import type { Kernels } from './kernels.ts';
import type { FormatId, Model, Weight } from './model.ts';
import type { Store } from './source.ts';

/** What a file will be run on; decides which operators a layout is lowered to. */
export type Target = 'node' | 'wasm' | 'webgpu';

/** A file format: how a model is read, which layouts it can store, and how it is written. */
export interface Format {
  readonly id: FormatId;
  readonly extensions: readonly string[];
  /** Reads the header only; weights are read when they are loaded. @throws FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED */
  open(store: Store, name: string): Promise<Model>;
  /** Why `weight` cannot be stored in its layout, or undefined when it can. */
  refuses(model: Model, weight: Weight, target: Target): string | undefined;
  /**
   * The exact size of the file(s) that `write` would make. Loads no weight.
   * @param name  of the main one, which may say that there are several; as many as were read unless told
   * @throws LAYOUT when it refuses a weight, USAGE for a name that it cannot have
   */
  size(model: Model, target: Target, name?: string): Promise<Size>;
  /** The inverse of lowering, for looking at a model that was opened: its weights in their layouts, whatever operators store them so. */
  lift(model: Model): Promise<Lifted>;
  /** Writes into `store` (staged: the caller commits). Holds at most one weight at a time. @returns what `size` said, now true */
  write(model: Model, store: Store, name: string, options: WriteOptions): Promise<Size>;
}

export interface Lifted {
  readonly model: Model;
  /** The weight that each stored part belongs to; parts that several weights share belong to none. */
  readonly owners: ReadonlyMap<WeightId, WeightId>;
}

export interface WriteOptions {
  readonly target: Target;
  readonly kernels: Kernels;
  readonly signal?: AbortSignal;
  /** Called with the bytes written so far and in all, and what they belong to. */
  readonly onProgress?: (done: number, total: number, about?: string) => void;
}

export interface Size {
  /** Of all files together. */
  readonly bytes: number;
  /** What each weight takes, with scales, zero points and padding. */
  readonly weights: ReadonlyMap<WeightId, number>;
}
