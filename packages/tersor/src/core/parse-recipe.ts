import { TersorError } from './error.ts';
import type { Target } from './format.ts';
import type { LayerKind } from './layers.ts';
import type { Declaration } from './method.ts';
import { nearest } from './nearest.ts';
import { parseOptions } from './options.ts';
import type { Recipe, Step } from './recipe.ts';
import type { Rule } from './rules.ts';

export type Declarations = Readonly<Record<string, Declaration>>;

export const TARGETS = ['node', 'wasm', 'webgpu'] as const satisfies readonly Target[];
export const LAYER_KINDS = ['linear', 'conv', 'embedding', 'recurrent'] as const satisfies readonly LayerKind[];
export const MAX_SEED = 2 ** 32 - 1;
/** Longer recipes are made by accident or in bad faith: one step per weight of the largest models stays below. */
const MAX_STEPS = 10_000;

const RECIPE_FIELDS = ['$schema', 'version', 'seed', 'target', 'steps'];
const RULE_FIELDS = ['name', 'kind', 'minElements'];

/**
 * The recipe in `json`, checked to the last option, with defaults filled in. `$schema` is for editors and left out.
 *
 * @param where  how messages call it: a path, a preset's name
 * @throws RECIPE_INVALID, METHOD_UNKNOWN, OPTION_UNKNOWN, OPTION_VALUE
 */
export function parseRecipe(json: unknown, methods: Declarations, where = 'recipe'): Recipe {
  const { version, seed, target, steps } = fieldsOf(json, where, RECIPE_FIELDS);
  if (version !== 1) throw invalid(where, `version is ${show(version)}`, 'this tersor reads "version": 1');
  if (!Array.isArray(steps) || steps.length === 0) {
    throw invalid(where, `steps is ${show(steps)}`, 'it is a list of methods: "steps": [{ "use": "fp16" }]');
  }
  if (steps.length > MAX_STEPS) throw invalid(where, `${steps.length} steps`, `at most ${MAX_STEPS} are read`);
  return {
    version: 1,
    ...(seed !== undefined && { seed: parseSeed(seed, where) }),
    ...(target !== undefined && { target: parseTarget(target, where) }),
    steps: steps.map((step: unknown, i) => parseStep(step, methods, `${where} steps[${i}]`)),
  };
}

/** @throws METHOD_UNKNOWN with the nearest name */
export function methodNamed(id: string, methods: Declarations, where = id): Declaration {
  const method = Object.hasOwn(methods, id) ? methods[id] : undefined;
  if (method) return method;
  const close = nearest(id, Object.keys(methods));
  throw new TersorError('METHOD_UNKNOWN', where, `no method "${id}"`, close ? `did you mean "${close}"?` : 'see them with: tersor methods');
}

function parseStep(json: unknown, methods: Declarations, where: string): Step {
  const { use, where: rules, ...options } = fieldsOf(json, where);
  if (typeof use !== 'string') throw invalid(where, `use is ${show(use)}`, 'it is the name of a method: tersor methods');
  const method = methodNamed(use, methods, where);
  return {
    use,
    ...(rules !== undefined && { where: parseRules(rules, `${where} ${use}`) }),
    ...parseOptions(`${where} ${use}`, method.options, options),
  };
}

function parseRules(json: unknown, where: string): readonly Rule[] {
  if (!Array.isArray(json) || json.length === 0) {
    throw invalid(
      where,
      `where is ${show(json)}`,
      'it is a list of rules: "where": [{ "name": "**.weight" }]; leave it out to mean every layer',
    );
  }
  return json.map((rule: unknown, i) => parseRule(rule, `${where} where[${i}]`));
}

function parseRule(json: unknown, where: string): Rule {
  const { name, kind, minElements } = fieldsOf(json, where, RULE_FIELDS);
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw invalid(where, `name is ${show(name)}`, 'it is a pattern such as "**.weight"');
  const layerKind = LAYER_KINDS.find((known) => known === kind);
  if (kind !== undefined && !layerKind) throw invalid(where, `kind is ${show(kind)}`, `it is ${LAYER_KINDS.join(' | ')}`);
  if (minElements !== undefined && !isCount(minElements))
    throw invalid(where, `minElements is ${show(minElements)}`, 'it is a whole number');
  return { ...(name !== undefined && { name }), ...(layerKind && { kind: layerKind }), ...(minElements !== undefined && { minElements }) };
}

function parseSeed(seed: unknown, where: string): number {
  if (isCount(seed) && seed <= MAX_SEED) return seed;
  throw invalid(where, `seed is ${show(seed)}`, `it is a whole number from 0 to ${MAX_SEED}`);
}

function parseTarget(target: unknown, where: string): Target {
  const known = TARGETS.find((name) => name === target);
  if (known) return known;
  throw invalid(where, `target is ${show(target)}`, `it is ${TARGETS.join(' | ')}`);
}

function fieldsOf(json: unknown, where: string, known?: readonly string[]): Readonly<Record<string, unknown>> {
  if (!isRecord(json)) throw invalid(where, `is ${show(json)}`, 'it is an object: { ... }');
  for (const field of Object.keys(json)) {
    if (!known || known.includes(field)) continue;
    const close = nearest(field, known);
    throw invalid(where, `no field "${field}"`, close ? `did you mean "${close}"?` : `it has ${known.join(', ')}`);
  }
  return json;
}

function isRecord(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function invalid(where: string, what: string, hint: string): TersorError {
  return new TersorError('RECIPE_INVALID', where, what, hint);
}

/** A value as the file has it, short enough for a message. */
function show(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
