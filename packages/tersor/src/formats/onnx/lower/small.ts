import type { Node } from '../../../core/graph.ts';
import type { Activations } from './activations.ts';
import type { Builder } from './builder.ts';
import type { Part } from './part.ts';

/** A weight that stays small in memory, read by operators in its stored form. */
export interface Small {
  readonly parts: readonly Part[];
  /** The operators that take the place of one that used the weight; `names` are the parts'. */
  replace(node: Node, names: readonly string[], builder: Builder, activations: Activations): Node[];
}
