import type { Node } from '../core/graph.ts';
import type { Layer, Use } from '../core/layers.ts';
import type { Place } from './place.ts';
import type { Seen } from './statistic.ts';

/** One place of a graph where a subject can be looked at. */
export interface Sight {
  /** Of its graph. */
  readonly path: string;
  /** Position of the node in its graph that computes the subject, or with it. */
  readonly position: number;
  /** The same for sights that see the same: layers that read one value. */
  readonly key: string;
  readonly groups: number;
  /** Undefined where only runs can tell. */
  readonly columns: number | undefined;
  /** See `Statistic.reorder`. */
  readonly order?: readonly number[];
  /** Rows of a table are looked up here: tokens can be counted, and nothing else. */
  readonly looksUp: boolean;
  look(place: Place): Seen;
}

/** What a use of a layer's weight multiplies it by; a text says why that cannot be seen. */
export type Seeing = Omit<Sight, 'path' | 'position' | 'looksUp'> | string;

/** A layer at work. */
export interface Working {
  readonly layer: Layer;
  readonly use: Use;
  readonly node: Node;
  /** The weight's shape as the operator sees it. */
  readonly shape: readonly number[];
  /** The weight's axes in the order in which the operator sees them. */
  readonly axes: readonly number[];
  /** Sizes of a value, as far as they are known without running anything. */
  sizesOf(name: string): readonly (number | undefined)[] | undefined;
}

/** The value in 32-bit floats, which every operator takes. */
export function asFloats(place: Place, name: string): string {
  const dtype = place.scope.type(name)?.dtype;
  return dtype === 'f16' || dtype === 'bf16' || dtype === 'f64' ? place.add('Cast', [name], { to: FLOAT }) : name;
}

/** ONNX's number for f32. */
const FLOAT = 1;
