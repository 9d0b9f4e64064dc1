import { decodeChunk, type Elements } from './decode-chunk.ts';
import { openMemory } from './memory.ts';
import { type Sha256, sha256 } from './sha256.ts';
import { WASM } from './wasm.gen.ts';

/** Decodes chunks, one at a time. */
export interface Decoder {
  /** @returns the chunk's bytes, a copy of its own @throws TsrError */
  decode(coded: Uint8Array, elements: Elements): Uint8Array<ArrayBuffer>;
  /** CRC-32C (Castagnoli). */
  crc32c(bytes: Uint8Array): number;
  /** A new digest. */
  sha256(): Sha256;
}

export async function openDecoder(): Promise<Decoder> {
  const memory = await openMemory(WASM);
  const cleared = <T>(work: () => T): T => {
    try {
      return work();
    } finally {
      memory.clear();
    }
  };
  return {
    decode: (coded, elements) =>
      cleared(() => {
        const at = decodeChunk(memory, coded, elements);
        return memory.bytes().slice(at, at + elements.count * elements.width);
      }),
    sha256: () => sha256(memory),
    crc32c: (bytes) => cleared(() => Number(memory.call('crc32c', memory.put(bytes), bytes.length)) >>> 0),
  };
}
