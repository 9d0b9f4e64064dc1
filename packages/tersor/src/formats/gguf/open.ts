import { TersorError } from '../../core/error.ts';
import type { WeightId } from '../../core/graph.ts';
import type { Model, Weight } from '../../core/model.ts';
import type { Source, Store } from '../../core/source.ts';
import { loadFrom } from '../ranges.ts';
import { corrupt } from './cursor.ts';
import { type Header, type Info, readHeader } from './header.ts';
import type { GgufMeta, Part } from './meta.ts';
import { partNames, SPLIT } from './split.ts';

/**
 * Opens a model: one file, or all parts of one that was split, whichever of them is named. Reads headers; values are read when a weight is loaded.
 * @throws FILE_MISSING, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED
 */
export async function openGguf(store: Store, name: string): Promise<Model> {
  const weights = new Map<WeightId, Weight>();
  const parts: Part[] = [];
  const files = await openParts(store, name);
  for (const { source, header } of files) {
    for (const [id, info] of header.tensors) {
      if (weights.has(id)) throw corrupt(source.name, `holds ${JSON.stringify(id.slice(0, 80))}, and so does another part`);
      weights.set(id, weightOf(id, info, source));
    }
    parts.push({ ...header, weights: [...header.tensors.keys()] });
  }
  checkTotal(parts, weights.size, name);
  const [{ metadata } = { metadata: new Map() }] = parts;
  const properties = new Map([...metadata].flatMap(([key, { text }]) => (isSplitKey(key) ? [] : [[key, text] as const])));
  const format: GgufMeta = { parts };
  return {
    format: 'gguf',
    meta: {
      properties,
      producer: properties.get('general.architecture') ?? '',
      files: files.map(({ source }) => ({ name: source.name, bytes: source.size })),
      format,
    },
    weights,
    execution: new Map(),
  };
}

export function isSplitKey(key: string): boolean {
  return Object.values<string>(SPLIT).includes(key);
}

interface OpenPart {
  readonly source: Source;
  readonly header: Header;
}

/** In order. */
async function openParts(store: Store, name: string): Promise<OpenPart[]> {
  const named = await openPart(store, name);
  const count = numberIn(named.header, SPLIT.count, 1);
  if (count <= 1) return [named];
  const names = partNames(name, count);
  if (!names) {
    const hint = `give all parts the names they had: model-00001-of-${String(count).padStart(5, '0')}.gguf`;
    throw new TersorError('FILE_MISSING', name, `is one of ${count} parts, and its name does not say which`, hint);
  }
  const parts: OpenPart[] = [];
  for (const [i, part] of names.entries()) {
    const opened = part === name ? named : await openPart(store, part);
    const [number, of] = [numberIn(opened.header, SPLIT.number, 0), numberIn(opened.header, SPLIT.count, 1)];
    if (number !== i || of !== count) throw corrupt(part, `says that it is part ${number + 1} of ${of}`);
    parts.push(opened);
  }
  return parts;
}

async function openPart(store: Store, name: string): Promise<OpenPart> {
  const source = await store.open(name);
  return { source, header: await readHeader(source) };
}

function numberIn({ metadata }: Pick<Header, 'metadata'>, key: string, otherwise: number): number {
  const entry = metadata.get(key);
  const value = entry ? Number(entry.text) : otherwise;
  return Number.isInteger(value) ? value : otherwise;
}

function checkTotal(parts: readonly Part[], found: number, name: string): void {
  if (parts.length < 2) return;
  for (const part of parts) {
    const stated = numberIn(part, SPLIT.tensors, found);
    if (stated !== found) throw corrupt(name, `has ${found} tensors in all its parts, where ${stated} were meant to be`);
  }
}

function weightOf(id: WeightId, { type: { layout, dtype }, shape, offset, length }: Info, source: Source): Weight {
  return { id, shape, dtype, layout, load: loadFrom({ source, offset, length }, shape, layout) };
}
