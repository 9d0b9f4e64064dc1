import { describe, expect, it } from 'vitest';
import type { Declaration } from '../../src/core/method.ts';
import { boolean, integer, oneOf } from '../../src/core/options.ts';
import { parseRecipe } from '../../src/core/parse-recipe.ts';
import { recipeSchema } from '../../src/core/recipe-schema.ts';

const rounding: Declaration = {
  id: 'rounding',
  family: 'quantize',
  summary: 'Rounds.',
  source: 'https://example.org',
  changes: 'layout',
  loss: 'bounded',
  options: {
    bits: integer(2, 8, { default: 8, doc: 'Bits.' }),
    fit: oneOf(['absmax', 'mse'], { default: 'mse', doc: 'Fit.' }),
    flat: boolean({ default: false, doc: 'Flat.' }),
  },
  load: () => Promise.reject(new Error('unused')),
};
const METHODS = { rounding };
const parse = (json: unknown) => parseRecipe(json, METHODS, 'my.json');

it('fills in defaults, so that a recipe means the same when they change', () => {
  const recipe = {
    $schema: 'x',
    version: 1,
    seed: 5,
    target: 'wasm',
    steps: [{ use: 'rounding', where: [{ name: '**', kind: 'conv', minElements: 9 }], bits: 4 }],
  };
  expect(parse(recipe)).toEqual({
    version: 1,
    seed: 5,
    target: 'wasm',
    steps: [{ use: 'rounding', where: [{ name: '**', kind: 'conv', minElements: 9 }], bits: 4, fit: 'mse', flat: false }],
  });
});

it('is the same after it was parsed', () => {
  const once = parse({ version: 1, steps: [{ use: 'rounding' }] });
  expect(parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
});

describe('says what is wrong', () => {
  it.each([
    [[], 'my.json: is []\n  it is an object: { ... } [RECIPE_INVALID]'],
    [null, 'my.json: is null'],
    [{ steps: [] }, 'my.json: version is missing\n  this tersor reads "version": 1 [RECIPE_INVALID]'],
    [{ version: 2, steps: [] }, 'my.json: version is 2'],
    [{ version: 1, steps: [] }, 'my.json: steps is []\n  it is a list of methods'],
    [{ version: 1, step: [] }, 'my.json: no field "step"\n  did you mean "steps"? [RECIPE_INVALID]'],
    [{ version: 1, seed: -1, steps: [{ use: 'rounding' }] }, 'my.json: seed is -1\n  it is a whole number from 0 to 4294967295'],
    [{ version: 1, target: 'browser', steps: [{ use: 'rounding' }] }, 'my.json: target is "browser"\n  it is node | wasm | webgpu'],
    [{ version: 1, steps: ['rounding'] }, 'my.json steps[0]: is "rounding"'],
    [{ version: 1, steps: [{}] }, 'my.json steps[0]: use is missing\n  it is the name of a method: tersor methods'],
    [{ version: 1, steps: [{ use: 'rownding' }] }, 'my.json steps[0]: no method "rownding"\n  did you mean "rounding"? [METHOD_UNKNOWN]'],
    [
      { version: 1, steps: [{ use: 'toString' }] },
      'my.json steps[0]: no method "toString"\n  see them with: tersor methods [METHOD_UNKNOWN]',
    ],
    [
      { version: 1, steps: [{ use: 'rounding', bit: 4 }] },
      'my.json steps[0] rounding: no option "bit"\n  did you mean "bits"? [OPTION_UNKNOWN]',
    ],
    [{ version: 1, steps: [{ use: 'rounding', bits: 9 }] }, 'my.json steps[0] rounding: bits = 9\n  it takes integer 2..8 [OPTION_VALUE]'],
    [{ version: 1, steps: [{ use: 'rounding', where: [] }] }, 'my.json steps[0] rounding: where is []'],
    [
      { version: 1, steps: [{ use: 'rounding', where: [{ nam: 'x' }] }] },
      'my.json steps[0] rounding where[0]: no field "nam"\n  did you mean "name"?',
    ],
    [
      { version: 1, steps: [{ use: 'rounding', where: [{ kind: 'cnov' }] }] },
      'where[0]: kind is "cnov"\n  it is linear | conv | embedding | recurrent',
    ],
    [{ version: 1, steps: [{ use: 'rounding', where: [{ minElements: 1.5 }] }] }, 'where[0]: minElements is 1.5\n  it is a whole number'],
    [{ version: 1, steps: Array.from({ length: 10_001 }, () => ({ use: 'rounding' })) }, 'my.json: 10001 steps\n  at most 10000 are read'],
  ])('%#', (json, message) => expect(() => parse(json)).toThrow(message));
});

it('the schema names every option with its default and its bounds', () => {
  expect(recipeSchema(METHODS)).toMatchObject({
    required: ['version', 'steps'],
    additionalProperties: false,
    properties: {
      steps: {
        items: {
          oneOf: [
            {
              title: 'rounding',
              additionalProperties: false,
              properties: {
                use: { const: 'rounding' },
                bits: { type: 'integer', minimum: 2, maximum: 8, default: 8, description: 'Bits.' },
                fit: { enum: ['absmax', 'mse'], default: 'mse' },
                flat: { type: 'boolean', default: false },
              },
            },
          ],
        },
      },
    },
  });
});
