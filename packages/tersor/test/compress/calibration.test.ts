import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compress } from '../../src/compress.ts';
import type { Feeds } from '../../src/core/engine.ts';
import { randomFor } from '../../src/core/random.ts';
import { onnx } from '../../src/formats/onnx/onnx.ts';
import { openNodeStore } from '../../src/io/node-store.ts';
import { deepModel, WIDTH } from '../support/deep-model.ts';
import { inlineKernels } from '../support/runtimes.ts';

let folder = '';
let model = '';
/** Each sample excites other inputs, so that few of them say little of the others. */
const random = randomFor(0, 'feeds');
const data: Feeds[] = Array.from({ length: 48 }, (_, sample) => ({
  x0: {
    dtype: 'f32',
    shape: [4, WIDTH],
    data: Float32Array.from({ length: 4 * WIDTH }, (_, i) => (2 * random() - 1) * (i % 8 === sample % 8 ? 2 : 0.05)),
  },
}));
const gptq = { version: 1, steps: [{ use: 'gptq', bits: 2, block: 16 }] } as const;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-calibration-'));
  model = join(folder, 'deep.onnx');
  const store = openNodeStore(folder);
  await onnx.write(deepModel(4), store, 'deep.onnx', { target: 'node', kernels: await inlineKernels });
  await store.commit();
  await store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function made(name: string, subsets?: number) {
  const output = join(folder, name);
  const report = await compress(model, { output, recipe: gptq, data, cache: false, ...(subsets !== undefined && { subsets }) });
  return { report, bytes: readFileSync(output) };
}

it('follows steps on parts of what they see, tells how much that matters, and keeps the best', async () => {
  const whole = await made('whole.onnx');
  expect(whole.report.calibration).toBeUndefined();
  const { report, bytes } = await made('parts.onnx', 3);
  const { drops, mean, deviation, all, chosen } = report.calibration!;
  expect(drops).toHaveLength(3);
  expect(new Set(drops).size).toBe(3);
  expect(mean).toBeCloseTo(drops.reduce((sum, drop) => sum + drop) / 3, 12);
  expect(deviation).toBeGreaterThan(0);
  expect(all).toBeGreaterThan(0);
  const best = Math.min(...drops);
  expect(chosen?.part).toBe(best < all ? drops.indexOf(best) : undefined);
  expect(bytes.equals(whole.bytes)).toBe(chosen === undefined);
});

it('says when there are too few samples for so many parts, and has nothing to say of steps that see no data', async () => {
  const { report } = await made('many.onnx', 40);
  expect(report.calibration).toBeUndefined();
  expect(report.skipped).toContainEqual({ about: 'subsets', message: 'methods see 12 samples, of too few sources for 40 parts' });
  const rtn = await compress(model, {
    output: join(folder, 'rtn.onnx'),
    recipe: { version: 1, steps: [{ use: 'rtn' }] },
    data,
    subsets: 3,
    cache: false,
  });
  expect(rtn.calibration).toBeUndefined();
});
