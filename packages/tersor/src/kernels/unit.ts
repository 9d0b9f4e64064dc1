import type { ErrorCode } from '../core/error.ts';
import type { Quantized, QuantizeSpec } from '../core/kernels.ts';

/** A unit of work: whole blocks of a matrix, with everything needed to quantize them. `values` own their buffer, for it changes hands. */
export interface Unit {
  readonly values: Float32Array<ArrayBuffer>;
  readonly spec: QuantizeSpec;
}

interface Done {
  readonly blocks: Quantized;
  /** The memory of the unit's values comes back, for the next unit: fresh memory costs more than the copy into it. */
  readonly memory: ArrayBuffer;
}

/** What a worker answers, one answer a unit, in the order of the units. */
export type Answer = Done | { readonly code: ErrorCode; readonly message: string };
