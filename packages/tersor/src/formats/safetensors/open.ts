import { TersorError } from '../../core/error.ts';
import type { WeightId } from '../../core/graph.ts';
import type { Model, Weight } from '../../core/model.ts';
import type { Source, Store } from '../../core/source.ts';
import { loadFrom } from '../ranges.ts';
import { type Entry, inOrder, readHeader } from './header.ts';
import { readIndex } from './index-file.ts';
import type { SafetensorsMeta } from './meta.ts';
import { liftQuantized, settingsBeside } from './quantized/lift.ts';

/** How the name of a checkpoint in several files ends. */
export const INDEX = '.safetensors.index.json';

/** One file of a checkpoint in several. */
const SHARD = /-\d{5}-of-\d{5}\.safetensors$/;

/**
 * Opens a checkpoint: one file, or all files that an index names. Reads headers; values are read when a weight is loaded. Layers that quantization_config of the
 * config.json beside it speaks of are one weight each, whatever parts they are stored in.
 * @throws FILE_MISSING, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED
 */
export async function openSafetensors(store: Store, name: string): Promise<Model> {
  const index = name.endsWith(INDEX) ? await readIndex(await store.open(name)) : undefined;
  const weights = new Map<WeightId, Weight>();
  const properties = new Map<string, string>();
  const files = index ? [{ name, bytes: index.bytes }] : [];
  const shards: SafetensorsMeta['shards'][number][] = [];
  for (const file of index?.files ?? [name]) {
    const source = await store.open(file);
    const { metadata, tensors, dataStart } = await readHeader(source);
    for (const [id, entry] of tensors) {
      const said = index?.places.get(id);
      // an index may leave tensors out, but not say that they are elsewhere
      if (weights.has(id) || (said !== undefined && said !== file)) throw twice(name, id, file);
      weights.set(id, weightOf(id, entry, source, dataStart));
    }
    for (const [key, value] of metadata) properties.set(key, value);
    files.push({ name: file, bytes: source.size });
    shards.push({ weights: inOrder(tensors).map(([id]) => id), keys: [...metadata.keys()] });
  }
  for (const [id, file] of index?.places ?? []) {
    if (!weights.has(id))
      throw new TersorError('FILE_CORRUPT', name, `says that ${file} holds ${JSON.stringify(id)}: it does not`, 'fetch its files again');
  }
  // of a single part of a checkpoint, layers may be in two files
  const settings = SHARD.test(name) ? undefined : await settingsBeside(store);
  const lifted = settings && (await liftQuantized(weights, settings));
  const isQuantized = lifted !== undefined && lifted.owners.size > 0;
  const format: SafetensorsMeta = { shards, ...(isQuantized && { stored: { parts: weights, ...lifted } }) };
  return {
    format: 'safetensors',
    meta: { properties, producer: properties.get('format') ?? '', files, format },
    weights: lifted?.weights ?? weights,
    execution: new Map(),
  };
}

function twice(name: string, id: string, file: string): TersorError {
  return new TersorError('FILE_CORRUPT', name, `${JSON.stringify(id)} is in ${file}, and in another file, too`, 'fetch its files again');
}

function weightOf(id: WeightId, { dtype, shape, begin, end }: Entry, source: Source, dataStart: number): Weight {
  const layout = { kind: 'dense', dtype } as const;
  return { id, shape, dtype, layout, load: loadFrom({ source, offset: dataStart + begin, length: end - begin }, shape, layout) };
}
