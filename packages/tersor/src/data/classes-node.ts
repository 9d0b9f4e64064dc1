import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readBesideModel } from './beside-model-node.ts';
import { readBounded } from './read-bounded-node.ts';

const MAX_BYTES = 2 ** 24;
const FILE = 'classes.txt';

/**
 * What a model's classes are called: `classes.txt` (line i is class i) in the folder of the data or beside the model, or `id2label` of its `config.json`.
 * Undefined where nothing says so.
 * @throws DATA_INVALID
 */
export async function classNames(model: string | undefined, data: string | undefined): Promise<readonly string[] | undefined> {
  const places = [...(data === undefined ? [] : [data, dirname(data)]), ...(model === undefined ? [] : [dirname(model)])];
  const file = places.map((place) => join(place, FILE)).find((path) => existsSync(path));
  if (file !== undefined)
    return new TextDecoder()
      .decode(await readBounded(file, MAX_BYTES))
      .trimEnd()
      .split(/\r?\n/);
  const config = model === undefined ? undefined : await readBesideModel(model, 'config.json');
  const names = config?.id2label;
  if (typeof names !== 'object' || names === null) return undefined;
  const classes: string[] = [];
  for (const [id, name] of Object.entries(names)) if (/^\d{1,6}$/.test(id)) classes[Number(id)] = String(name);
  return classes.length > 0 ? Array.from(classes, (name, id) => name ?? String(id)) : undefined;
}
