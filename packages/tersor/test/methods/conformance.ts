import { describe, expect, it } from 'vitest';
import { decode, denseOf } from '../../src/core/decode.ts';
import { elementsOf } from '../../src/core/dtype.ts';
import { findLayers } from '../../src/core/find-layers.ts';
import { bytesOf } from '../../src/core/layout.ts';
import type { Context, Declaration } from '../../src/core/method.ts';
import type { Model, Weight } from '../../src/core/model.ts';
import { parseOptions } from '../../src/core/options.ts';
import type { OtherWeights } from '../../src/core/other-weights.ts';
import { randomFor } from '../../src/core/random.ts';
import { gguf } from '../../src/formats/gguf/gguf.ts';
import { onnx } from '../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { bytesIn, loadedByRows, pulledByRows } from '../support/by-rows.ts';
import { smallGguf, smallModel } from '../support/small-model.ts';

/** What planning may read: shapes, axes, small tables. */
const SMALL_BYTES = 65536;

/** The contract that every technique keeps, whatever it does. A new file in methods/ is held to it without touching this one. */
export function conformance(methods: Readonly<Record<string, Declaration>>): void {
  describe.each(Object.values(methods))('$id', (declaration) => {
    const isForGguf = declaration.formats?.includes('gguf') === true;
    const [format, made] = isForGguf ? [gguf, smallGguf] : [onnx, smallModel];
    // what needs another model gets one that is a little different
    const asked = parseOptions(declaration.id, declaration.options, 'base' in declaration.options ? { base: 'base' } : {});
    const run = async (model: Model, { threads = 0, isOutside = false } = {}) => {
      const kernels = await openKernels({ threads });
      const method = await declaration.load();
      const context: Context = {
        scope: isOutside ? [] : await findLayers(model),
        kernels,
        note: () => {},
        observed: async () => undefined,
        recall: (_, make) => make(),
        random: (weight) => randomFor(3, weight),
        otherWeights: async () => likeIn(made().model),
      };
      return { result: await method.apply(model, asked, context), kernels };
    };

    it('says what it is', () => {
      expect(declaration.summary).toMatch(/^[A-Z].{10,200}\.$/);
      expect(declaration.source).toMatch(/^https:\/\//);
      for (const option of Object.values(declaration.options)) {
        expect(option.doc).toMatch(/\.$/);
        expect(option.parse(option.default)).toEqual(option.default);
        for (const value of option.search ?? []) expect(option.parse(value)).toEqual(value);
      }
    });

    it('plans without loading a weight, or reads each once if it says so', async () => {
      const { model, loads } = made();
      await run(model);
      const large = loads.filter((id) => bytesOf(model.weights.get(id)!) > SMALL_BYTES);
      expect(large).toEqual(declaration.streams ? [...new Set(large)] : []);
    });

    it('writes the size it planned, and never a larger file', async () => {
      const { model } = made();
      const { result, kernels } = await run(model);
      const before = await format.size(model, 'node');
      const planned = await format.size(result, 'node');
      const store = openMemory();
      const written = await format.write(result, store, 'model.onnx', { target: 'node', kernels });
      await store.commit();
      expect(written.bytes).toBe(planned.bytes);
      expect((await store.open('model.onnx')).size).toBe(planned.bytes);
      expect(planned.bytes).toBeLessThanOrEqual(before.bytes);
    });

    it('gives finite values in the shape it announced', async () => {
      const { result } = await run(made().model);
      for (const weight of result.weights.values()) {
        const tensor = await weight.load();
        expect(tensor.shape).toEqual(weight.shape);
        expect(decode(tensor).length).toBe(elementsOf(weight.shape));
        expect(decode(tensor).every(Number.isFinite)).toBe(true);
      }
    });

    it('gives the same values for a seed, in whatever order and on however many threads', async () => {
      const forward = await values((await run(made().model)).result, (weights) => weights);
      const { result, kernels } = await run(made().model, { threads: 2 });
      expect(await values(result, (weights) => weights.reverse())).toEqual(forward);
      await kernels.close();
    });

    it('gives the same bytes row by row, where it gives rows', async () => {
      const { result } = await run(loadedByRows(made().model));
      for (const weight of result.weights.values()) {
        if (!weight.load.rows) continue;
        const whole = bytesIn(await weight.load());
        for (const step of [7, 100]) expect(Buffer.compare(await pulledByRows(weight, step), whole), `${weight.id}, ${step}`).toBe(0);
      }
    });

    it('changes what it says it changes', async () => {
      const { model } = made();
      const { result } = await run(model);
      expect(result.graph?.inputs).toEqual(model.graph?.inputs);
      expect(result.graph?.outputs).toEqual(model.graph?.outputs);
      // what a format says of its types changes with them
      const facts = ['general.file_type', 'general.quantization_version'];
      const properties = new Map([...result.meta.properties].filter(([key]) => !facts.includes(key)));
      expect({ ...result.meta, properties }).toEqual(model.meta);
      if (declaration.changes === 'graph') return;
      expect([...result.weights.keys()]).toEqual([...model.weights.keys()]);
      for (const weight of result.weights.values()) expect(weight.shape).toEqual(model.weights.get(weight.id)?.shape);
      if (declaration.changes === 'layout') expect(result.graph).toEqual(model.graph);
    });

    it('touches nothing outside its scope', async () => {
      if (declaration.changes === 'graph') return;
      const { model } = made();
      const { result } = await run(model, { isOutside: true });
      for (const weight of result.weights.values()) expect(weight).toBe(model.weights.get(weight.id));
    });
  });
}

async function values(model: Model, order: (weights: Weight[]) => Weight[]): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  for (const weight of order([...model.weights.values()])) found.set(weight.id, decode(await weight.load()));
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function likeIn({ weights }: Model): OtherWeights {
  return {
    weights,
    load: async (id) => {
      const weight = weights.get(id)!;
      return denseOf(
        decode(await weight.load()).map((value) => 0.9 * value),
        weight.shape,
      );
    },
  };
}
