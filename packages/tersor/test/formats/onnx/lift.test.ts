import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/core/decode.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode } from '../../../src/core/graph.ts';
import type { AffineLayout, Layout } from '../../../src/core/layout.ts';
import { type Model, mapWeights, type Weight } from '../../../src/core/model.ts';
import { expand } from '../../../src/formats/onnx/lower/expand.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../../src/io/memory-store.ts';
import { handMade, randomWeight, tensorInfo } from '../../support/hand-made-model.ts';
import { layerZoo } from '../../support/layer-zoo.ts';
import { quantized } from '../../support/quantized.ts';
import { inlineKernels } from '../../support/runtimes.ts';

/** What is read again of the file that `model` is written as. */
async function reopened(model: Model): Promise<Model> {
  const store = openMemory();
  await onnx.write(model, store, 'model.onnx', { target: 'node', kernels: await inlineKernels });
  await store.commit();
  return onnx.open(store, 'model.onnx');
}

const liftedFrom = async (model: Model) => onnx.lift(await reopened(model));

/** The layout that a file tells of: few scales are stored as f32, few codes and zero points one a byte, and axes of length 1 do not matter. */
function asStored(weight: Weight, execution: 'expand' | 'weight-only'): Layout {
  const { layout, shape } = weight;
  if (layout.kind !== 'affine') return layout;
  const outputs = layout.outputs.filter((axis) => shape[axis] !== 1);
  const parts = expand({ ...weight, layout }).parts;
  const typeOf = (suffix: string) => parts.find((part) => part.suffix === suffix);
  const scale = { kind: 'dense', dtype: typeOf('s')?.dtype ?? 'f32' } as const;
  const isPacked = (suffix: string) =>
    execution === 'weight-only' || Object.entries(typeOf(suffix) ?? {}).some(([key, value]) => key === 'packed' && value);
  const numeric = isPacked('q') ? layout.numeric : { id: 'int8', bits: 8, lo: -128, hi: 127 };
  const zero = layout.zero && ({ kind: 'dense', dtype: isPacked('z') ? layout.zero.dtype : 'u8' } as const);
  return { ...layout, numeric, outputs, scale, ...(zero && { zero }) };
}

function withoutSingles({ layout, shape }: Weight): Layout {
  return layout.kind === 'affine' ? { ...layout, outputs: layout.outputs.filter((axis) => shape[axis] !== 1) } : layout;
}

const bitsOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

const CASES = [2, 4, 8].flatMap((bits) =>
  ['row', 16, 32].flatMap((block) =>
    [true, false].flatMap((symmetric) => (['expand', 'weight-only'] as const).map((execution) => ({ bits, block, symmetric, execution }))),
  ),
);

describe('a lifted model', () => {
  it.each(CASES)('has the weights that were planned: $bits bits, block $block, symmetric $symmetric, $execution', async (options) => {
    const planned = await quantized(await reopened(layerZoo()), options);
    const { model } = await liftedFrom(planned);
    const was = new Map((await findLayers(planned)).map((layer) => [layer.weight.id, layer]));
    const layers = new Map((await findLayers(model)).map((layer) => [layer.weight.id, layer]));
    expect([...model.weights.keys()].sort()).toEqual([...planned.weights.keys()].sort());
    for (const weight of planned.weights.values()) {
      const lifted = model.weights.get(weight.id)!;
      expect(lifted.shape, weight.id).toEqual(weight.shape);
      expect(lifted.dtype, weight.id).toBe(weight.dtype);
      const layout = withoutSingles(lifted);
      const isPlain = [asStored(weight, 'expand'), asStored(weight, 'weight-only')].some(
        (one) => JSON.stringify(one) === JSON.stringify(layout),
      );
      if (!isPlain) expect(layout, weight.id).toEqual(asStored(weight, options.execution));
      const [before, after] = [await weight.load(), await lifted.load()];
      expect(bitsOf(decode(after)).equals(bitsOf(decode(before))), weight.id).toBe(true);
      const kinds = (layer: ReturnType<typeof was.get>) => layer?.uses.map(({ kind }) => kind);
      expect(kinds(layers.get(weight.id)), weight.id).toEqual(kinds(was.get(weight.id)));
    }
  });
});
