import type { Target } from '../../src/core/format.ts';
import type { Model } from '../../src/core/model.ts';
import { onnx } from '../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';

export type Runtime = 'node' | 'web';

export interface TestFeed {
  readonly type: 'float32' | 'int64' | 'bool';
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array | Uint8Array;
}

/** Kernels without workers, opened once for all tests of a file. */
export const inlineKernels = openKernels({ threads: 0 });

/** The bytes of the file that `model` is written as. */
export async function written(model: Model, target: Target = 'node'): Promise<Uint8Array> {
  const store = openMemory();
  await onnx.write(model, store, 'model.onnx', { target, kernels: await inlineKernels });
  await store.commit();
  const source = await store.open('model.onnx');
  return source.read(0, source.size);
}

/** Runs a file once, in this process, on one thread. Outputs by name. */
export async function runOn(
  runtime: Runtime,
  bytes: Uint8Array,
  feeds: Readonly<Record<string, TestFeed>>,
): Promise<Record<string, ArrayLike<number>>> {
  const { InferenceSession, Tensor } = runtime === 'node' ? await import('onnxruntime-node') : await web();
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { type, shape, data }]) => [name, new Tensor(type, data as never, [...shape])]),
  );
  const results = await session.run(inputs);
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, tensor.data as unknown as ArrayLike<number>]));
}

async function web() {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = 1;
  return ort;
}
