import { TersorError } from '../core/error.ts';
import { type Declarations, methodNamed, parseRecipe } from '../core/parse-recipe.ts';
import type { Step } from '../core/recipe.ts';

/** More are named by accident: each is tried on every layer. */
const MOST_TRIED = 200;

/**
 * What is to be tried, as one word: `rtn:bits=4,block=32`, and one after the other `fp16:compute=float+rtn:bits=8`. An option may have several values,
 * `bits=2|4`, or with `*` all that its method names as worth trying; every combination of them is an entry of the result.
 * @throws USAGE, METHOD_UNKNOWN, OPTION_UNKNOWN, OPTION_VALUE
 */
export function parseSteps(text: string, methods: Declarations): (readonly Step[])[] {
  const parts = text.split('+').map((part) => {
    const [use = '', settings, ...more] = part.split(':');
    const pairs = settings === undefined ? [] : settings.split(',').map((setting) => setting.split('='));
    if (use === '' || more.length > 0 || pairs.some((pair) => pair.length !== 2 || pair[0] === ''))
      throw new TersorError('USAGE', `--try ${text}`, 'is not method:option=value,...', 'for example: --try rtn:bits=4,block=32');
    return pairs.reduce<Record<string, unknown>[]>(
      (all, [name = '', values = '']) =>
        product(all, valuesOf(values, use, name, text, methods), (step, value) => ({ ...step, [name]: value })),
      [{ use }],
    );
  });
  const chains = parts.reduce<Record<string, unknown>[][]>((all, steps) => product(all, steps, (chain, step) => [...chain, step]), [[]]);
  if (chains.length > MOST_TRIED)
    throw new TersorError('USAGE', `--try ${text}`, `means ${chains.length} things to try`, `name at most ${MOST_TRIED}`);
  return chains.map((steps) => parseRecipe({ version: 1, steps }, methods, `--try ${text}`).steps);
}

function product<A, B, C>(some: readonly A[], others: readonly B[], join: (a: A, b: B) => C): C[] {
  return some.flatMap((a) => others.map((b) => join(a, b)));
}

function valuesOf(values: string, use: string, name: string, text: string, methods: Declarations): readonly unknown[] {
  if (values !== '*') return values.split('|');
  const option = methodNamed(use, methods, `--try ${text}`).options[name];
  const { search = [] } = option ?? {};
  // an option that is not there is named by what parses the steps
  if (option && search.length === 0)
    throw new TersorError('USAGE', `--try ${text}`, `${use} names no values of ${name} that are worth trying`, `say which: ${name}=a|b`);
  return option ? search : [values];
}
