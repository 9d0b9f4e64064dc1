import type { Declaration } from './method.ts';
import { type Declarations, LAYER_KINDS, MAX_SEED, TARGETS } from './parse-recipe.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** The JSON Schema of a recipe, made from the methods' declarations: editors complete and check with it what `parseRecipe` accepts. */
export function recipeSchema(methods: Declarations): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'tersor recipe',
    description: 'Which methods compress a model, with which options, in which order.',
    type: 'object',
    additionalProperties: false,
    required: ['version', 'steps'],
    properties: {
      $schema: { type: 'string' },
      version: { const: 1 },
      seed: { type: 'integer', minimum: 0, maximum: MAX_SEED, description: 'Where random numbers start. Default 0.' },
      target: { enum: TARGETS, description: 'What the result will run on.' },
      steps: { type: 'array', minItems: 1, items: { oneOf: Object.values(methods).map(stepSchema) } },
    },
    $defs: { rules: RULES },
  };
}

function stepSchema({ id, summary, options }: Declaration): JsonSchema {
  const properties = Object.entries(options).map(([name, option]) => [
    name,
    { ...option.schema, description: option.doc, default: option.default },
  ]);
  return {
    title: id,
    description: summary,
    type: 'object',
    additionalProperties: false,
    required: ['use'],
    properties: { use: { const: id }, where: { $ref: '#/$defs/rules' }, ...Object.fromEntries(properties) },
  };
}

const RULES: JsonSchema = {
  description: 'The layers that any of these rules selects; absent: every layer the method can take.',
  type: 'array',
  minItems: 1,
  items: {
    type: 'object',
    additionalProperties: false,
    properties: {
      name: { type: 'string', minLength: 1, description: 'A glob over weight names; * crosses no "." or "/", ** does.' },
      kind: { enum: LAYER_KINDS },
      minElements: { type: 'integer', minimum: 0, description: 'Only layers with at least so many weights.' },
    },
  },
};
