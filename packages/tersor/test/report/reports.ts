import type { Report, ShapeTiming } from '../../src/core/report.ts';
import { MISSED, NOTHING, PLANNED, REPORT } from '../cli/samples.ts';

function timing(shapes: string, ms: number): ShapeTiming {
  const spread = (p50: number) => ({ p5: p50 * 0.94, p25: p50 * 0.98, p50, p75: p50 * 1.03, p95: p50 * 1.2 });
  return { shapes, ratio: 0.98, interval: [0.96, 1.01], rounds: 60, before: spread(ms), after: spread(ms * 0.98) };
}

export const FULL: Report = {
  ...REPORT,
  conditions: { seed: 0, budget: { drop: 0.01, latency: 1.1 } },
  ...(REPORT.speed && { speed: { ...REPORT.speed, timings: [timing('input_ids [1,16]', 6), timing('input_ids [1,128]', 40)] } }),
  transfer: { before: { bytes: 90_387_630, brotli: 82_568_928 }, after: { bytes: 22_861_004, brotli: 20_775_957 } },
  front: [
    { bytes: 18_000_000, drop: 0.02, chosen: false },
    { bytes: 22_861_004, drop: 0.00038, chosen: true },
  ],
};
export const PAGES = { FULL, REPORT, MISSED, PLANNED, NOTHING } as const;

/** Everything that a hostile file can name, at its worst. */
export const EVIL = `"><img src=x onerror=alert(1)></script><!--'\u202e\u001b&amp;`;
export const HOSTILE: Report = {
  ...FULL,
  input: { path: `models/${EVIL}.onnx`, format: 'onnx', bytes: 1000 },
  output: { path: `${EVIL}.onnx`, format: 'onnx', bytes: 900 },
  weights: FULL.weights.map((weight) => ({ ...weight, id: EVIL, before: EVIL, after: `${EVIL} 2` })),
  skipped: [{ about: EVIL, message: EVIL }],
  recipe: { version: 1, steps: [{ use: 'rtn', where: [{ name: EVIL }] }] },
  runtimes: [{ name: EVIL, status: 'failed', message: EVIL }],
  promises: [{ name: 'drop', promised: EVIL, actual: EVIL, status: 'missed' }],
  ...(FULL.quality && {
    quality: { ...FULL.quality, source: EVIL, outputs: FULL.quality.outputs.map((output) => ({ ...output, name: EVIL })) },
  }),
  ...(FULL.speed && { speed: { ...FULL.speed, shapes: EVIL, timings: [timing(EVIL, 1), timing(EVIL, Number.NaN)] } }),
};

/** A transformer of 60 layers: some 300 weights, with the long names that exporters give. */
export const LARGE: Report = {
  ...FULL,
  weights: Array.from({ length: 60 }, (_, layer) =>
    ['attention.self.query', 'attention.self.key', 'attention.output.dense', 'intermediate.dense', 'output.dense'].map((name, i) => ({
      id: `encoder.model.layer.${layer}.${name}.weight`,
      shape: [768, i < 3 ? 768 : 3072],
      kind: 'linear' as const,
      before: 'f32',
      after: i === 4 ? 'int4 per block of 32, f16 scales' : 'int8 per row, f32 scales',
      bytesBefore: 768 * (i < 3 ? 768 : 3072) * 4,
      bytesAfter: (768 * (i < 3 ? 768 : 3072)) / (i === 4 ? 1.8 : 1),
      error: (i === 4 ? 0.08 : 0.006) * (1 + ((layer * 7 + i) % 13) / 20),
    })),
  ).flat(),
};
