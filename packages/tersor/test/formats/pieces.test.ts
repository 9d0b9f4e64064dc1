import { expect, it } from 'vitest';
import { applySteps } from '../../src/compress/apply.ts';
import type { Format } from '../../src/core/format.ts';
import { type Model, mapWeights, type Weight } from '../../src/core/model.ts';
import type { Step } from '../../src/core/recipe.ts';
import type { Store } from '../../src/core/source.ts';
import { gguf } from '../../src/formats/gguf/gguf.ts';
import { onnx } from '../../src/formats/onnx/onnx.ts';
import { safetensors } from '../../src/formats/safetensors/safetensors.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { smallGguf, smallModel } from '../support/small-model.ts';

/** More than is loaded at a time. */
const SHAPE = [21_000, 256];
const values = Float32Array.from({ length: 21_000 * 256 }, (_, i) => Math.sin(i));
const LARGE: Pick<Weight, 'shape' | 'load'> = {
  shape: SHAPE,
  load: async () => ({ kind: 'dense', dtype: 'f32', shape: SHAPE, bytes: new Uint8Array(values.buffer) }),
};

async function filesOf(format: Format, model: Model): Promise<Record<string, Uint8Array>> {
  const [store, kernels] = [openMemory(), await openKernels({ threads: 2 })];
  await format.write(model, store, `m${format.extensions[0]}`, { target: 'node', kernels });
  await store.commit();
  await kernels.close();
  return Object.fromEntries(store.files);
}

/** A store that remembers the longest read. */
function measured(store: Store): Store & { longest: number } {
  const watched = {
    ...store,
    longest: 0,
    async open(name: string) {
      const source = await store.open(name);
      const read = (offset: number, length: number) => {
        watched.longest = Math.max(watched.longest, length);
        return source.read(offset, length);
      };
      return { ...source, read };
    },
  };
  return watched;
}

const FP16: Step = { use: 'fp16', compute: 'float' };

it.each<[Format, string, () => Model, Step]>([
  [gguf, 'token_embd.weight', () => smallGguf().model, { use: 'gguf', type: 'Q8_0' }],
  [safetensors, 'token_embd.weight', () => ({ ...smallGguf().model, format: 'safetensors' }), FP16],
  [onnx, 'table', () => smallModel().model, FP16],
])('$id: a weight that is made row by row is the same, and never in memory as a whole', async (format, id, make, step) => {
  const original = await filesOf(
    format,
    mapWeights(make(), (weight) => (weight.id === id ? { ...weight, ...LARGE } : undefined)),
  );
  const store = measured(openMemory(original));
  const model = await format.open(store, `m${format.extensions[0]}`);
  const kernels = await openKernels({ threads: 0 });
  const around = { kernels, seed: 0, note: () => {} };
  store.longest = 0;
  const inPieces = await filesOf(format, await applySteps(model, [step], around));
  expect(store.longest).toBeLessThanOrEqual(2 ** 24);
  const wholes = mapWeights(model, (weight) => ({ ...weight, load: () => weight.load() }));
  const whole = await filesOf(format, await applySteps(wholes, [step], around));
  expect(store.longest).toBe(values.byteLength);
  expect(Object.keys(inPieces)).toEqual(Object.keys(whole));
  for (const [name, bytes] of Object.entries(whole)) expect(Buffer.compare(inPieces[name] ?? new Uint8Array(), bytes), name).toBe(0);
});
