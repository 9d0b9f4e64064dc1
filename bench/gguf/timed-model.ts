import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Importances } from '../../packages/tersor/src/core/importances.ts';
import type { Model, Weight } from '../../packages/tersor/src/core/model.ts';
import { gguf } from '../../packages/tersor/src/formats/gguf/gguf.ts';
import { encodeImatrix } from '../../packages/tersor/src/formats/gguf/imatrix.ts';
import { openNodeStore } from '../../packages/tersor/src/io/node-store.ts';
import { openKernels } from '../../packages/tersor/src/kernels/open-kernels.ts';

const SIDE = 1024;

/**
 * A file to take the time with, and importances for it: matrices of one kind alone, of a million random values each, which every mix gives its own type. The
 * facts about the model are those of another one.
 */
export async function timedModel(
  folder: string,
  facts: Model,
  layers: number,
): Promise<{ readonly model: string; readonly imatrix: string }> {
  const ids = Array.from({ length: layers }, (_, i) => `blk.${i}.ffn_up.weight`);
  const weights = ids.map(
    (id, i): Weight => ({
      id,
      shape: [SIDE, SIDE],
      dtype: 'f32',
      layout: { kind: 'dense', dtype: 'f32' },
      load: async () => ({ kind: 'dense', dtype: 'f32', shape: [SIDE, SIDE], bytes: new Uint8Array(gaussian(SIDE * SIDE, i + 1).buffer) }),
    }),
  );
  const [store, kernels] = [openNodeStore(folder), await openKernels({ threads: 0 })];
  const model = { ...facts, weights: new Map(weights.map((weight) => [weight.id, weight])) };
  await gguf.write(model, store, 'timed.gguf', { target: 'node', kernels });
  await store.commit();
  const importances: Importances = {
    name: 'timed',
    weights: new Map(ids.map((id, i) => [id, { meanSquares: gaussian(SIDE, 100 + i).map((value) => value * value), counts: [512] }])),
    datasets: [],
    chunks: 1,
    chunkTokens: 512,
  };
  const imatrix = join(folder, 'timed.dat');
  writeFileSync(imatrix, encodeImatrix(importances, 'dat'));
  return { model: join(folder, 'timed.gguf'), imatrix };
}

/** Sums of twelve uniform numbers. */
export function gaussian(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed * 7919;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += next();
    return sum * 0.04;
  });
}
