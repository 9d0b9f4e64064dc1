import type { LatticeTable } from './reference/ggml/lattice-table.ts';

/** A table as the kernels read it: five numbers, levels from byte 32 on, and from byte 64 on the runs. */
export function tableBytes({ width, levels, firsts, starts, seconds, numbers, size }: LatticeTable): Uint8Array {
  const runs = [firsts, starts, seconds, numbers];
  const bytes = new Uint8Array(64 + runs.reduce((sum, { byteLength }) => sum + byteLength, 0));
  new Int32Array(bytes.buffer, 0, 4).set([width, levels.length, firsts.length, seconds.length]);
  new Float32Array(bytes.buffer, 16, 1).set([size]);
  new Float32Array(bytes.buffer, 32, levels.length).set(levels);
  let at = 64;
  for (const { buffer, byteOffset, byteLength } of runs) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}
