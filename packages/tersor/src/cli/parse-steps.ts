import { TersorError } from '../core/error.ts';
import { type Declarations, parseRecipe } from '../core/parse-recipe.ts';
import type { Step } from '../core/recipe.ts';

/**
 * Steps as one word: `rtn:bits=4,block=32`, and one after the other `fp16:compute=float+rtn:bits=8`.
 * @throws USAGE, METHOD_UNKNOWN, OPTION_UNKNOWN, OPTION_VALUE
 */
export function parseSteps(text: string, methods: Declarations): readonly Step[] {
  const steps = text.split('+').map((part) => {
    const [use = '', settings, ...more] = part.split(':');
    const pairs = settings === undefined ? [] : settings.split(',').map((setting) => setting.split('='));
    if (use === '' || more.length > 0 || pairs.some((pair) => pair.length !== 2 || pair[0] === ''))
      throw new TersorError('USAGE', `--try ${text}`, 'is not method:option=value,...', 'for example: --try rtn:bits=4,block=32');
    return { use, ...Object.fromEntries(pairs) };
  });
  return parseRecipe({ version: 1, steps }, methods, `--try ${text}`).steps;
}
