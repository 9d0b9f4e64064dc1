import { TersorError } from '../../core/error.ts';
import type { Source } from '../../core/source.ts';
import { MAX_HEADER_BYTES, MAX_SHARDS, MAX_TENSORS } from './limits.ts';
import { scanJson } from './scan-json.ts';

/** Which file holds which tensor of a checkpoint. */
export interface Index {
  readonly places: ReadonlyMap<string, string>;
  /** In the order of their names. */
  readonly files: readonly string[];
  /** Of the index itself. */
  readonly bytes: number;
}

/**
 * Reads `*.safetensors.index.json`. What `metadata` says (a total size, parameter counts) is not believed and not kept.
 * @throws FILE_CORRUPT, FILE_LIMIT
 */
export async function readIndex(source: Source): Promise<Index> {
  const { name, size } = source;
  if (size > MAX_HEADER_BYTES) throw new TersorError('FILE_LIMIT', name, `takes ${size} bytes`, `at most ${MAX_HEADER_BYTES} are read`);
  const places = new Map<string, string>();
  const scanner = scanJson(new TextDecoder().decode(await source.read(0, size)), name);
  scanner.object((key) => {
    if (key !== 'weight_map') return scanner.skip();
    scanner.object((tensor) => {
      if (places.size === MAX_TENSORS) throw new TersorError('FILE_LIMIT', name, `names more than ${MAX_TENSORS} tensors`, 'split it');
      places.set(tensor, scanner.text());
    });
  });
  scanner.end();
  const files = [...new Set(places.values())].sort();
  if (files.length === 0) throw new TersorError('FILE_CORRUPT', name, 'names no tensors', 'its "weight_map" says which file holds which');
  if (files.length > MAX_SHARDS)
    throw new TersorError('FILE_LIMIT', name, `names ${files.length} files`, `at most ${MAX_SHARDS} are opened`);
  for (const file of files) {
    if (!file.endsWith('.safetensors'))
      throw new TersorError('FILE_CORRUPT', name, `names ${JSON.stringify(file.slice(0, 80))} as a file of tensors`);
  }
  return { places, files, bytes: size };
}

/** The text of an index, keys in order. */
export function encodeIndex(places: ReadonlyMap<string, string>, totalBytes: number): Uint8Array {
  const sorted = [...places].sort(([a], [b]) => (a < b ? -1 : 1));
  const map = sorted.map(([tensor, file]) => `    ${JSON.stringify(tensor)}: ${JSON.stringify(file)}`).join(',\n');
  return new TextEncoder().encode(`{\n  "metadata": {\n    "total_size": ${totalBytes}\n  },\n  "weight_map": {\n${map}\n  }\n}\n`);
}
