import { TersorError } from '../core/error.ts';
import type { Architecture, Config, Facts } from './architecture.ts';
import { bert } from './bert.ts';
import { gemma } from './gemma.ts';
import { gemma2 } from './gemma2.ts';
import { gemma3 } from './gemma3.ts';
import { gpt2 } from './gpt2.ts';
import { llama } from './llama.ts';
import { mixtral } from './mixtral.ts';
import { phi3 } from './phi3.ts';
import { qwen2 } from './qwen2.ts';
import { qwen2moe } from './qwen2moe.ts';
import { qwen3 } from './qwen3.ts';
import { qwen3moe } from './qwen3moe.ts';

const ARCHITECTURES: readonly Architecture[] = [llama, mixtral, qwen2, qwen2moe, qwen3, qwen3moe, gemma, gemma2, gemma3, phi3, gpt2, bert];

/** The family that a config.json is of. @throws FILE_UNSUPPORTED, naming those that are known */
export function architectureOfConfig({ model_type: type }: Config, where: string): Architecture {
  const found = ARCHITECTURES.find(({ models }) => models.some((model) => model.type === type));
  if (found) return found;
  const known = ARCHITECTURES.flatMap(({ models }) => models.map((model) => model.type));
  throw unknown(where, typeof type === 'string' ? `says that it is a model of type "${type.slice(0, 40)}"` : 'says no "model_type"', known);
}

/** The family by a GGUF file's metadata. @throws FILE_UNSUPPORTED, naming those that are known */
export function architectureOfGguf(properties: ReadonlyMap<string, string>, where: string): Architecture {
  const name = properties.get('general.architecture');
  const named = ARCHITECTURES.filter(({ id }) => id === name);
  const hasExperts = Number(properties.get(`${name}.expert_count`) ?? 0) > 0;
  const found = named.find((each) => named.length === 1 || (each.hasExperts ?? false) === hasExperts);
  if (found) return found;
  const said = name === undefined ? 'says no "general.architecture"' : `is of architecture "${name.slice(0, 40)}"`;
  throw unknown(where, said, [...new Set(ARCHITECTURES.map(({ id }) => id))]);
}

/**
 * What a config.json says, by GGUF's keys.
 * @throws FILE_CORRUPT for facts that are missing or no numbers, FILE_UNSUPPORTED for models that compute another way
 */
export function factsOfConfig({ facts, demands }: Architecture, config: Config, where: string): Facts {
  for (const [key, demanded] of Object.entries(demandsOn({ demands }, config))) {
    const said = config[key];
    if (said === undefined || said === null || JSON.stringify(said) === JSON.stringify(demanded)) continue;
    const hint = `models of this type are converted where it is ${JSON.stringify(demanded)}`;
    throw new TersorError('FILE_UNSUPPORTED', where, `${key} is ${JSON.stringify(said)?.slice(0, 40)}`, hint);
  }
  const found = new Map<string, number>();
  for (const { key, config: name, alias = name, otherwise, type, unit } of facts) {
    const said = config[name] ?? config[alias];
    const value = typeof said === 'number' && unit ? Math.floor(said * unit(found)) : (said ?? otherwise?.(found));
    if (value === undefined && otherwise) continue;
    if (typeof value !== 'number' || !isOfType(value, type)) {
      const what = value === undefined ? 'is missing' : `is ${JSON.stringify(said)?.slice(0, 40)}`;
      throw new TersorError('FILE_CORRUPT', where, `${name} ${what}`, type === 'u32' ? 'it is a whole number' : 'it is a number');
    }
    found.set(key, value);
  }
  return found;
}

/** What the config.json of a model of this family must say where it says anything. */
export function demandsOn({ demands }: Pick<Architecture, 'demands'>, config: Config): Config {
  return Object.fromEntries(
    Object.entries(demands).map(([key, demanded]) => [key, typeof demanded === 'function' ? demanded(config) : demanded]),
  );
}

function isOfType(value: number, type: 'u32' | 'f32'): boolean {
  return type === 'f32' ? Number.isFinite(value) : Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

function unknown(where: string, what: string, known: readonly string[]): TersorError {
  return new TersorError('FILE_UNSUPPORTED', where, what, `names and shapes are known for ${known.join(', ')}`);
}
