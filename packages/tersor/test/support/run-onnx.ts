import { createHash } from 'node:crypto';
import * as ort from 'onnxruntime-node';

/** One output: its type, shape and the bits of its values (a hash of them; texts as they are). */
export interface Output {
  readonly type: string;
  readonly dims: readonly number[];
  readonly bits: string | readonly string[];
}

export interface Run {
  /** Names, types and shapes as the runtime sees them. */
  readonly inputs: ort.InferenceSession.ValueMetadata[];
  readonly outputs: ort.InferenceSession.ValueMetadata[];
  readonly results: Readonly<Record<string, Output>>;
}

/** Sizes for what a model leaves open, by input name or for all. */
export type Sizes = Readonly<Record<string, readonly number[]>>;

/** Runs a model once on made-up inputs, always the same, in the real runtime and in this process. */
export async function runOnnx(model: Uint8Array | string, sizes: Sizes = {}): Promise<Run> {
  const options = { intraOpNumThreads: 1, logSeverityLevel: 4 } as const;
  const session = await (typeof model === 'string'
    ? ort.InferenceSession.create(model, options)
    : ort.InferenceSession.create(model, options));
  const feeds = Object.fromEntries(session.inputMetadata.map((input) => [input.name, feedOf(input, sizes)]));
  // sequences cannot cross into JavaScript
  const wanted = session.outputMetadata.filter(({ isTensor }) => isTensor).map(({ name }) => name);
  const found = await session.run(feeds, wanted);
  await session.release();
  const results = Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, outputOf(tensor)]));
  return { inputs: [...session.inputMetadata], outputs: [...session.outputMetadata], results };
}

function feedOf(input: ort.InferenceSession.ValueMetadata, sizes: Sizes): ort.Tensor {
  if (!input.isTensor) throw new Error(`${input.name} is no tensor`);
  const dims = sizes[input.name] ?? input.shape.map((size, axis) => (typeof size === 'number' && size > 0 ? size : axis === 0 ? 1 : 4));
  const count = dims.reduce((product, size) => product * size, 1);
  const noise = (i: number) => Math.sin(12.9898 * (i + 1)) * 2;
  switch (input.type) {
    case 'float32':
      return new ort.Tensor(
        'float32',
        Float32Array.from({ length: count }, (_, i) => noise(i)),
        dims,
      );
    case 'int64':
      // a scalar is a sample rate, all else are tokens and masks
      return new ort.Tensor('int64', new BigInt64Array(count).fill(dims.length === 0 ? 16000n : 1n), dims);
    case 'bool':
      return new ort.Tensor(
        'bool',
        Uint8Array.from({ length: count }, () => 1),
        dims,
      );
    default:
      throw new Error(`${input.name} has type ${input.type}`);
  }
}

function outputOf(value: ort.OnnxValue): Output {
  if (!(value instanceof ort.Tensor)) throw new Error('an output is no tensor');
  const { type, dims, data } = value;
  return {
    type,
    dims,
    bits: Array.isArray(data)
      ? data
      : createHash('sha256')
          .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
          .digest('hex'),
  };
}
