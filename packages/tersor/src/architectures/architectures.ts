import { TersorError } from '../core/error.ts';
import type { Architecture, Facts } from './architecture.ts';
import { bert } from './bert.ts';
import { llama } from './llama.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';

const ARCHITECTURES: readonly Architecture[] = [llama, qwen2, qwen3, bert];

type Config = Readonly<Record<string, unknown>>;

/** The family that a config.json is of. @throws FILE_UNSUPPORTED, naming those that are known */
export function architectureOfConfig({ model_type: type }: Config, where: string): Architecture {
  const found = ARCHITECTURES.find(({ models }) => models.some((model) => model.type === type));
  if (found) return found;
  const known = ARCHITECTURES.flatMap(({ models }) => models.map((model) => model.type));
  throw unknown(where, typeof type === 'string' ? `says that it is a model of type "${type.slice(0, 40)}"` : 'says no "model_type"', known);
}

/** The family by ggml's name. @throws FILE_UNSUPPORTED, naming those that are known */
export function architectureOfGguf(name: string | undefined, where: string): Architecture {
  const found = ARCHITECTURES.find(({ id }) => id === name);
  if (found) return found;
  const said = name === undefined ? 'says no "general.architecture"' : `is of architecture "${name.slice(0, 40)}"`;
  throw unknown(
    where,
    said,
    ARCHITECTURES.map(({ id }) => id),
  );
}

/**
 * What a config.json says, by GGUF's keys.
 * @throws FILE_CORRUPT for facts that are missing or no numbers, FILE_UNSUPPORTED for models that compute another way
 */
export function factsOfConfig({ facts, demands }: Architecture, config: Config, where: string): Facts {
  for (const [key, demanded] of Object.entries(demands)) {
    const said = config[key];
    if (said === undefined || said === null || said === demanded) continue;
    const hint = `models of this type are converted where it is ${JSON.stringify(demanded)}`;
    throw new TersorError('FILE_UNSUPPORTED', where, `${key} is ${JSON.stringify(said)?.slice(0, 40)}`, hint);
  }
  const found = new Map<string, number>();
  for (const { key, config: name, otherwise, type } of facts) {
    const value = config[name] ?? otherwise?.(found);
    if (value === undefined && otherwise) continue;
    if (typeof value !== 'number' || !isOfType(value, type)) {
      const said = value === undefined ? 'is missing' : `is ${JSON.stringify(value)?.slice(0, 40)}`;
      throw new TersorError('FILE_CORRUPT', where, `${name} ${said}`, type === 'u32' ? 'it is a whole number' : 'it is a number');
    }
    found.set(key, value);
  }
  return found;
}

function isOfType(value: number, type: 'u32' | 'f32'): boolean {
  return type === 'f32' ? Number.isFinite(value) : Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

function unknown(where: string, what: string, known: readonly string[]): TersorError {
  return new TersorError('FILE_UNSUPPORTED', where, what, `names and shapes are known for ${known.join(', ')}`);
}
