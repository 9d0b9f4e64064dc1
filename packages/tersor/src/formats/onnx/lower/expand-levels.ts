import type { Node } from '../../../core/graph.ts';
import type { LevelsLayout } from '../../../core/layout.ts';
import { permute } from '../../../core/matrix.ts';
import type { Weight } from '../../../core/model.ts';
import type { LevelsTensor } from '../../../core/tensor.ts';
import { arrange } from './arrangement.ts';
import { type Builder, type Chain, onnxType, openChain } from './builder.ts';
import type { Part } from './part.ts';

export type LevelsWeight = Weight & { readonly layout: LevelsLayout };

/** As `expand`, of levels: integers of 16 bits, times a step of their output and one of their input. Steps are powers of two of a quarter of what is stored. */
export function expandLevels({ shape, layout, dtype }: LevelsWeight): {
  readonly parts: readonly Part<LevelsTensor>[];
  nodes(names: readonly string[], output: string, builder: Builder): Node[];
} {
  const { order, codeShape, scaleShape, before, columns, after, shape: lengths } = arrange({ ...layout, block: 'row' }, shape);
  const inputShape = scaleShape.map((length, axis) => (length === 1 ? (codeShape[axis] ?? 1) : 1));
  const levels: Part<LevelsTensor> = {
    suffix: 'q',
    dtype: 'i16',
    shape: lengths,
    bytes: async (tensor) => bytesOf(after === 1 ? tensor.levels : permute(tensor.levels, [before, after, columns], [0, 2, 1])),
  };
  const steps: Part<LevelsTensor> = { suffix: 's', dtype: 'i8', shape: scaleShape, bytes: async ({ outputSteps }) => bytesOf(outputSteps) };
  const inputs: Part<LevelsTensor> = {
    suffix: 't',
    dtype: 'i8',
    shape: inputShape,
    bytes: async ({ inputSteps }) => bytesOf(inputSteps ?? new Int8Array(columns)),
  };
  return {
    parts: [levels, steps, ...(layout.inputSteps ? [inputs] : [])],
    nodes: ([levelsName = '', ...stepNames], output, builder) => {
      const chain = openChain(builder);
      let value = chain.add('Cast', [levelsName], { to: onnxType('f32') });
      for (const name of stepNames) value = chain.add('Mul', [value, stepsOf(name, chain, builder)]);
      if (order.some((axis, i) => axis !== i))
        value = chain.add('Transpose', [value], { perm: order.map((_, axis) => order.indexOf(axis)) });
      if (dtype !== 'f32' && dtype !== 'string') chain.add('Cast', [value], { to: onnxType(dtype) });
      return chain.end(output);
    },
  };
}

function stepsOf(name: string, chain: Chain, builder: Builder): string {
  const quarters = chain.add('Cast', [name], { to: onnxType('f32') });
  return chain.add('Pow', [scalar(2, builder), chain.add('Mul', [quarters, scalar(0.25, builder)])]);
}

function scalar(value: number, builder: Builder): string {
  return builder.constant('f32', [], new Uint8Array(Float32Array.of(value).buffer));
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
