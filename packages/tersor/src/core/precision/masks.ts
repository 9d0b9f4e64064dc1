import type { Node } from '../graph.ts';
import { type Flow, type Reader, readersOf } from './flow.ts';
import { MOVES } from './keep.ts';
import { LARGEST, type Range } from './ranges.ts';

/** A magnitude that no learned or measured number has: "as good as infinity". */
const ENDLESS = 1e8;

/** Values that are followed from a constant to where it is used; what spreads further is no mask. */
const MAX_VALUES = 256;

/**
 * Whether a value with numbers beyond a half's range only bounds, masks or fills, so that the largest half does as well: the -1e9 or
 * -3.4e38 that exporters add to scores before Softmax, limits of Clip, the fill of Pad.
 */
export function isMask(name: string, flow: Flow, range: Pick<Range, 'min' | 'max'>): boolean {
  return everyUseMasks(name, flow, range, new Set());
}

/** @param seen the readers of values that were followed already, which tell values of one name in two branches apart; grows */
function everyUseMasks(name: string, flow: Flow, range: Pick<Range, 'min' | 'max'>, seen: Set<readonly Reader[]>): boolean {
  const readers = readersOf(flow, name);
  if (seen.has(readers)) return true;
  seen.add(readers);
  if (readers.length === 0 || seen.size > MAX_VALUES || flow.graph.outputs.some((output) => output.name === name)) return false;
  return readers.every(({ node, input, flow: at }) => {
    if (masks(node, input, range)) return true;
    return MOVES.has(node.op) && node.outputs.every((output) => everyUseMasks(output, at, range, seen));
  });
}

function masks({ op }: Node, input: number, { min, max }: Pick<Range, 'min' | 'max'>): boolean {
  const positive = max <= LARGEST.f16 || max >= ENDLESS;
  switch (op) {
    case 'Min':
    case 'Max':
      return true;
    case 'Clip':
    case 'Pad':
      return input > 0;
    case 'Where':
      return input > 0 && positive;
    case 'Add':
    case 'Sub':
      return positive;
    case 'Mul':
      return positive && (min >= -LARGEST.f16 || min <= -ENDLESS);
    default:
      return false;
  }
}
