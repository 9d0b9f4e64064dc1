import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { TersorError } from '../core/error.ts';
import { readBounded } from './read-bounded-node.ts';

/** Vocabularies of a quarter of a million tokens take 40 MB as JSON. */
const MAX_CONFIG_BYTES = 2 ** 27;

/**
 * A JSON file that lies with a model: in its folder or, as Hugging Face lays them out, in the parent of a folder `onnx`. Undefined when there is none.
 * @throws DATA_INVALID when it is not an object
 */
export async function readBesideModel(model: string, name: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const folder = dirname(resolve(model));
  const folders = basename(folder) === 'onnx' ? [folder, dirname(folder)] : [folder];
  const path = folders.map((place) => join(place, name)).find((candidate) => existsSync(candidate));
  if (path === undefined) return undefined;
  const text = new TextDecoder().decode(await readBounded(path, MAX_CONFIG_BYTES));
  const config = parseObject(text);
  if (!config) throw new TersorError('DATA_INVALID', name, 'is not a JSON object', 'take the one that belongs to the model');
  return config;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}
