import type { Operand } from '../evaluate-small/evaluate.ts';
import type { Node } from '../graph.ts';
import type { Dims } from '../shape-arithmetic.ts';

/** A node and what is known of its inputs. */
export interface Setting {
  readonly node: Node;
  readonly opset: number;
  readonly dims: readonly (Dims | undefined)[];
  readonly first: Dims | undefined;
  readonly operands: readonly Operand[];
  /** The values of an input, when all are known. */
  integers(input: number): readonly number[] | undefined;
}

/** The shapes of a node's outputs. */
export type Rule = (setting: Setting) => readonly (Dims | undefined)[] | undefined;

/** Every output has the shape of the first input. */
export const same: Rule = ({ node, first }) => node.outputs.map(() => first);

/** The first output has the shape of the first input; nothing is said of others. */
export const onlyFirst: Rule = ({ first }) => [first];

/** One rule for many operators. @param names  separated by blanks */
export function each(names: string, rule: Rule): (readonly [string, Rule])[] {
  return names.split(' ').map((name) => [name, rule] as const);
}
