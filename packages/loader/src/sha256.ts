import type { Memory } from './memory.ts';

/** A digest of bytes that come in parts. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** 32 bytes; nothing is added after it. */
  digest(): Uint8Array;
}

/** The first 32 bits of the fractional parts of the roots of the first primes. */
const PRIMES = Array.from({ length: 310 }, (_, i) => i + 2).filter(
  (n) => ![2, 3, 5, 7, 11, 13, 17].some((prime) => n > prime && n % prime === 0),
);
const fractions = (root: (prime: number) => number) => Uint32Array.from(PRIMES, (prime) => (root(prime) % 1) * 2 ** 32);
const START = fractions(Math.sqrt).subarray(0, 8);
const ROUNDS = new Uint8Array(fractions(Math.cbrt).buffer);
const BLOCK = 64;
/** What is copied into the module's memory at a time. */
const STEP = 2 ** 18;

/** SHA-256. The platform's own takes all bytes at once, and copies them: a second model in memory. */
export function sha256(memory: Memory): Sha256 {
  const state = START.slice();
  const rest = new Uint8Array(BLOCK);
  let [filled, length] = [0, 0];
  /** Whole blocks. */
  const compress = (bytes: Uint8Array) => {
    const at = memory.put(new Uint8Array(state.buffer));
    memory.call('sha256', at, memory.put(ROUNDS), memory.put(bytes), bytes.length / BLOCK);
    state.set(new Uint32Array(memory.bytes().slice(at, at + state.byteLength).buffer));
    memory.clear();
  };
  const update = (bytes: Uint8Array) => {
    length += bytes.length;
    let at = 0;
    if (filled > 0) {
      at = Math.min(BLOCK - filled, bytes.length);
      rest.set(bytes.subarray(0, at), filled);
      filled += at;
      if (filled < BLOCK) return;
      compress(rest);
    }
    const end = bytes.length - ((bytes.length - at) % BLOCK);
    for (; at < end; at += STEP) compress(bytes.subarray(at, Math.min(end, at + STEP)));
    filled = bytes.length - end;
    rest.set(bytes.subarray(end));
  };
  return {
    update,
    digest() {
      const bits = length * 8;
      const padding = new Uint8Array(BLOCK + 8 - ((length + 8) % BLOCK));
      padding[0] = 0x80;
      const view = new DataView(padding.buffer);
      view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32));
      view.setUint32(padding.length - 4, bits >>> 0);
      update(padding);
      const digest = new DataView(new ArrayBuffer(32));
      state.forEach((word, i) => {
        digest.setUint32(4 * i, word);
      });
      return new Uint8Array(digest.buffer);
    },
  };
}
