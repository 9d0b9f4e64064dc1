import type { SmallConstants } from './small-constants.ts';
import type { Term } from './term.ts';

/** What a node finds in the graph around it. */
export interface Sight {
  /** Of the node's inputs. */
  operand(input: number): Term | undefined;
  /** Whether nothing else reads the node's first input. */
  readonly alone: boolean;
  readonly constants: SmallConstants;
}
