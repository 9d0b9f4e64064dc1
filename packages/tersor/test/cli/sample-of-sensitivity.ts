import type { Sensitivity } from '../../src/core/sensitivity.ts';

const STEPS = [
  { steps: [{ use: 'rtn', bits: 2 }], name: 'uint2 in blocks of 16, f16 scales', bits: 3.1 },
  { steps: [{ use: 'rtn', bits: 4 }], name: 'uint4 in blocks of 32, f16 scales', bits: 4.6 },
  { steps: [{ use: 'rtn', bits: 8 }], name: 'int8 per row, f16 scales', bits: 8.1 },
] as const;

const layers = Array.from({ length: 20 }, (_, i) => {
  const weights = 147_456 * (1 + (i % 3));
  const loss = 0.002 / (1 + i);
  return {
    id: i === 3 ? 'bad\u001b[31m.weight' : `encoder.layer.${i}.attention.self.query.weight`,
    shape: [384, 384 * (1 + (i % 3))],
    kind: 'linear' as const,
    bytes: weights * 4,
    candidates: STEPS.map(({ bits }, tried) => ({
      tried,
      bytes: Math.round((weights * bits) / 8),
      loss: loss * 40 ** (1 - tried),
      predicted: { 'weight-error': 4 ** -bits * (1 + (i % 2)), kurtosis: 3 + i },
    })),
  };
});

/** What `sensitivity` gives, made up. */
export const SENSITIVITY: Sensitivity = {
  version: '0.1.0',
  target: 'node',
  input: { path: 'model.onnx', format: 'onnx', bytes: 90_359_741 },
  inputs: { evidence: 'data', source: 'calib.npz', samples: 6 },
  measure: 'lost variance',
  tried: STEPS.map(({ steps, name }, tried) => ({
    steps,
    name,
    layers: layers.length,
    bytes: layers.reduce((sum, { candidates }) => sum + (candidates[tried]?.bytes ?? 0), 0),
    loss: layers.reduce((sum, { candidates }) => sum + (candidates[tried]?.loss ?? 0), 0),
    ...(tried > 0 && { together: 0.3 * 40 ** -tried }),
  })),
  layers,
  predictors: [
    {
      id: 'weight-error',
      summary: "Squared error of the weight, as a share of its own square: |W - W'|² / |W|².",
      source: 'https://example.org/paper',
      correlation: 0.93,
      interval: [0.89, 0.95],
      withinSteps: 0.41,
      pairs: 60,
      trusted: 'steps',
    },
    {
      id: 'kurtosis',
      summary: 'Kurtosis of the weight.',
      source: 'https://example.org/other',
      correlation: -0.2,
      interval: [-0.43, 0.06],
      withinSteps: -0.9,
      pairs: 60,
      trusted: 'nothing',
    },
    { id: 'odd', summary: 'Says nothing.', source: 'https://example.org/odd', pairs: 0, trusted: 'nothing' },
  ],
  allocation: {
    limit: { loss: 0.01 },
    bytes: 3_456_789,
    loss: 0.0098,
    measured: { loss: 0.0104, drop: 0.0031 },
    choices: layers.map(({ id, candidates }, i) => {
      const [two, four, eight] = candidates;
      const [chosen, name, smaller] = i < 2 ? [eight, STEPS[2].name, four] : [four, STEPS[1].name, two];
      return {
        id,
        name,
        bytes: chosen?.bytes ?? 0,
        loss: chosen?.loss ?? 0,
        ...(smaller && { smaller: { name: 'uint2 in blocks of 16, f16 scales', bytes: -27_648, loss: 0.0121 } }),
        ...(i > 1 && { better: { name: 'int8 per row, f16 scales', bytes: 64_512, loss: -0.00021 } }),
      };
    }),
  },
  complete: false,
  forwards: 360,
  recalled: 12,
  notes: [{ about: 'token_type_ids', message: 'is read by no operator: whatever it is fed changes nothing' }],
  seconds: { total: 12.5 },
};
