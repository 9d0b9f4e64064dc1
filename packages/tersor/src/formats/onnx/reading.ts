import { TersorError } from '../../core/error.ts';
import type { WeightId } from '../../core/graph.ts';
import type { Weight } from '../../core/model.ts';
import type { Source, Store } from '../../core/source.ts';
import { MAX_ID, MAX_NODES, MAX_PARTS } from './proto/limits.ts';
import { corrupt } from './proto/wire.ts';

/** One file being read: where its bytes are, and the weights found so far. */
export interface Reading {
  readonly name: string;
  readonly source: Source;
  readonly weights: Map<WeightId, Weight>;
  /** The file that a tensor's `location` names. @throws FILE_CORRUPT when it leads out of the model's folder, FILE_MISSING */
  external(location: string): Promise<Source>;
  /** The model's file and the data files that it names. */
  files(): Promise<{ readonly name: string; readonly bytes: number }[]>;
  /** A free id for a weight. @throws FILE_LIMIT when there are too many */
  identify(path: string, name: string): WeightId;
  /** The weight that lies at this place already, so that tied weights stay tied. */
  readonly places: Map<string, WeightId>;
  /** Counts what takes memory though it may take next to nothing of the file. @throws FILE_LIMIT */
  count(part: 'node' | 'attribute' | 'value'): void;
}

export function readingOf(store: Store, name: string, source: Source): Reading {
  const weights = new Map<WeightId, Weight>();
  const opened = new Map<string, Promise<Source>>();
  let [nodes, parts] = [0, 0];
  return {
    name,
    source,
    weights,
    places: new Map(),
    external(location) {
      const path = externalPath(name, location);
      const file = opened.get(path) ?? openExternal(store, name, path);
      opened.set(path, file);
      return file;
    },
    async files() {
      const data = await Promise.all([...opened].map(async ([path, file]) => ({ name: path, bytes: (await file).size })));
      return [{ name, bytes: source.size }, ...data];
    },
    identify(path, own) {
      if (weights.size >= MAX_NODES) throw tooMany(name, MAX_NODES, 'weights');
      const id = `${path}${own}`;
      if (id.length <= MAX_ID && !weights.has(id)) return id;
      return freeId(id.slice(0, MAX_ID), weights);
    },
    count(part) {
      parts++;
      if (part === 'node') nodes++;
      if (nodes > MAX_NODES) throw tooMany(name, MAX_NODES, 'nodes');
      if (parts > MAX_PARTS) throw tooMany(name, MAX_PARTS, 'nodes, attributes and values');
    },
  };
}

/** Ids are made of node names, which need not be unique. */
function freeId(id: string, taken: ReadonlyMap<WeightId, Weight>): WeightId {
  let suffix = taken.size;
  while (taken.has(`${id}#${suffix}`)) suffix++;
  return `${id}#${suffix}`;
}

function tooMany(where: string, limit: number, what: string): TersorError {
  return new TersorError('FILE_LIMIT', where, `more than ${limit} ${what}`, 'no known model has that many');
}

/** Locations are relative to the model's own folder, written with slashes. */
function externalPath(name: string, location: string): string {
  const steps = location.split('/').filter((step) => step !== '.');
  if (steps.length === 0 || /^\/|^[a-z]:|\\/i.test(location) || location.includes('\0') || steps.includes('..') || steps.includes('')) {
    throw corrupt(
      name,
      `external data at ${JSON.stringify(location)}, which is not inside the model's folder`,
      'put the data file beside the model and name it without folders',
    );
  }
  return [...name.split('/').slice(0, -1), ...steps].join('/');
}

async function openExternal(store: Store, name: string, path: string): Promise<Source> {
  try {
    return await store.open(path);
  } catch (error) {
    if (!(error instanceof TersorError) || error.code !== 'FILE_MISSING') throw error;
    throw new TersorError(
      'FILE_MISSING',
      name,
      `keeps weights in ${path}, which cannot be opened`,
      'fetch that file too and put it beside the model',
      { cause: error },
    );
  }
}
