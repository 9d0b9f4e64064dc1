import { TersorError } from '../core/error.ts';
import type { Source, Store } from '../core/source.ts';

/** A folder in memory. */
export interface MemoryStore extends Store {
  /** What was put in and what was committed. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export function openMemory(initial: Readonly<Record<string, Uint8Array>> = {}, name = 'memory'): MemoryStore {
  const files = new Map(Object.entries(initial));
  const staged = new Map<string, Uint8Array[]>();
  return {
    name,
    files,
    list: async () => [...files.keys()],
    async open(file) {
      const bytes = files.get(file);
      if (!bytes) throw new TersorError('FILE_MISSING', file, `is not in ${name}`);
      return memorySource(file, bytes);
    },
    async create(file) {
      const chunks: Uint8Array[] = [];
      staged.set(file, chunks);
      return { write: async (chunk) => void chunks.push(chunk.slice()), close: async () => {} };
    },
    async commit() {
      for (const [file, chunks] of staged) files.set(file, joined(chunks));
      staged.clear();
    },
    discard: async () => staged.clear(),
    close: async () => {},
  };
}

/** Bytes in memory. `read` gives a view, not a copy. */
function memorySource(name: string, given: Uint8Array): Source {
  // a Buffer's own `slice` would not copy, which readers of its parts rely on
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  return {
    name,
    size: bytes.length,
    async read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > bytes.length) {
        throw new TersorError('FILE_CORRUPT', name, `bytes ${offset} to ${offset + length} of a file of ${bytes.length}`);
      }
      return bytes.subarray(offset, offset + length);
    },
  };
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
