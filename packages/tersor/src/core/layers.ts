import type { Node } from './graph.ts';
import type { Weight } from './model.ts';

export type LayerKind = 'linear' | 'conv' | 'embedding' | 'recurrent';

/** A weight seen as a matrix `[outputs, inputs]`, whatever operators use it. A tied weight is one layer with several uses. */
export interface Layer {
  readonly weight: Weight;
  readonly uses: readonly Use[];
  /** Axes of the weight that are outputs, in order (all uses agree on them, or the first use's are taken). */
  readonly outputAxes: readonly number[];
  readonly outputs: number;
  readonly inputs: number;
  readonly kind: LayerKind;
}

/** One operator that computes with the weight, directly or through Identity, Transpose, Reshape and their like. */
export interface Use {
  readonly node: Node;
  /** Which of the node's inputs. */
  readonly input: number;
  readonly kind: LayerKind;
  readonly outputAxes: readonly number[];
  /** The operator reads the initializer itself, with nothing in between. */
  readonly direct: boolean;
  /** Axes of the weight in the order the operator sees them; absent when more than Identity and Transpose lies in between. */
  readonly axes?: readonly number[];
  /** Whatever lies in between cuts and orders rows of the layer's matrix at most: the operator sums over the layer's inputs, in their order. */
  readonly wholeRows: boolean;
}
