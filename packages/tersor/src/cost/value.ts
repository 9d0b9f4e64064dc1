import { BITS, type DType, type Shape } from '../core/dtype.ts';
import type { Node } from '../core/graph.ts';

/** A tensor that an operator reads or writes. */
export interface Value {
  readonly name: string;
  /** Absent: not all of its sizes are known. */
  readonly shape?: Shape;
  readonly dtype?: DType | 'string';
  /** Computed from weights alone: the runtime has it when the model is loaded. */
  readonly constant: boolean;
}

/** A node that runs, with all that is known of what it reads and writes. Left-out inputs are undefined. */
export interface Operator {
  readonly node: Node;
  /** Of the graph that it lies in: `''` for the main one. */
  readonly path: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly (Value | undefined)[];
  readonly bodies: readonly Body[];
}

/** A subgraph of an operator. */
export interface Body {
  readonly program: Program;
  /** How often it runs for each run of the operator, where that is known. */
  readonly runs: number;
}

/** The operators of a graph in the order in which they run. */
export interface Program {
  readonly inputs: readonly Value[];
  readonly operators: readonly Operator[];
  readonly outputs: readonly string[];
  /** Names of the graphs around it that its operators read. */
  readonly captured: ReadonlySet<string>;
}

/** A product of sizes that is exact; undefined where one is unknown, or beyond 2^53. */
export function count(...sizes: readonly (number | undefined)[]): number | undefined {
  let product = 1;
  for (const size of sizes) {
    if (size === undefined || !(size >= 0)) return undefined;
    product *= size;
  }
  return Number.isSafeInteger(product) ? product : undefined;
}

export function elements(value: Value | undefined): number | undefined {
  return value?.shape && count(...value.shape);
}

/** Bytes of a value; undefined where its shape or type is unknown, or it is text. */
export function bytesIn(value: Value | undefined): number | undefined {
  const size = elements(value);
  if (size === undefined || !value?.dtype || value.dtype === 'string') return undefined;
  return count(Math.ceil((size * BITS[value.dtype]) / 8));
}
