import { TersorError } from '../core/error.ts';
import type { Declaration, Family } from '../core/method.ts';
import type { Step } from '../core/recipe.ts';
import { METHODS } from '../methods/registry.gen.ts';

/**
 * A chain of steps in two: those at its start that are of the graph and of scales are done to the whole model, before layers get what each of them can bear. Scales
 * that move from one layer to another are no choice of a single one.
 */
export function parted(chain: readonly Step[]): { readonly first: readonly Step[]; readonly rest: readonly Step[] } {
  const end = chain.findIndex((step) => !isForAll(step));
  const at = end < 0 ? chain.length : end;
  return { first: chain.slice(0, at), rest: chain.slice(at) };
}

/**
 * What all of the chains begin with.
 * @throws USAGE where they begin differently, for there is one model for all, and where more operators are for after the choice
 */
export function preparationOf(chains: readonly (readonly Step[])[]): readonly Step[] {
  const late = chains.flatMap((chain) => parted(chain).rest).find((step) => familyOf(step) === 'lowrank' || isForAll(step));
  if (late) {
    const what = `${late.use} changes more than a weight, which no choice of weights can tell`;
    throw new TersorError('USAGE', '--try', what, 'follow the steps as they are: --recipe steps.json');
  }
  const firsts = chains.map((chain) => parted(chain).first);
  const [one = []] = firsts;
  const other = firsts.find((each) => JSON.stringify(each) !== JSON.stringify(one));
  if (!other) return one;
  const [a, b] = [one, other].map((steps) => steps.map(({ use }) => use).join('+') || 'nothing');
  throw new TersorError(
    'USAGE',
    '--try',
    `what changes the whole model is to be the same in all that is tried, and there are ${a} and ${b}`,
    'begin all of them with the same steps and options, or try them one after the other',
  );
}

/** Methods that change how layers hang together, and none of them by itself. */
const FAMILIES: readonly Family[] = ['graph', 'migrate'];

function isForAll(step: Step): boolean {
  const family = familyOf(step);
  return family !== undefined && FAMILIES.includes(family);
}

function familyOf({ use }: Step): Family | undefined {
  const methods: Readonly<Record<string, Declaration>> = METHODS;
  return Object.hasOwn(methods, use) ? methods[use]?.family : undefined;
}
