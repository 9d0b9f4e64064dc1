import type { Cost, OperatorCost } from '../../src/core/cost.ts';
import type { DeviceProfile } from '../../src/core/device.ts';

const operator = (i: number): OperatorCost => ({
  name: `/encoder/layer.${i}/attention/self/query/MatMul`,
  op: 'MatMul',
  family: 'linear',
  arithmetic: 'f32',
  shape: [1, 128, 384],
  macs: 18_874_368 + i,
  operations: 0,
  weightBytes: 589_824,
  readBytes: 196_608,
  writtenBytes: 196_608,
  liveBytes: 400_000 + 300_000 * Math.sin(i),
  runs: 1,
  fused: false,
  time: { ms: 0.62 + i / 1000, bound: 'compute' },
});

export const COST: Cost = {
  inputs: [
    { name: 'input_ids', shape: [1, 128], from: 'asked' },
    { name: 'mystery\u001b[31m', shape: [1, 128], from: 'guessed' },
  ],
  macs: 2_877_292_544,
  operations: 39_360_512,
  parameters: 22_565_402,
  memory: {
    storedBytes: 22_861_004,
    weightBytes: 90_270_000,
    peakBytes: 1_786_880,
    peakAt: '/encoder/layer.0/intermediate/intermediate_act_fn/Div',
    alive: [
      { name: '/encoder/layer.0/intermediate/dense/Add_output_0', bytes: 786_432 },
      { name: '/encoder/layer.0/attention/output/LayerNorm/Add_1_output_0', bytes: 196_608 },
    ],
    activationBytes: 40_123_456,
  },
  cache: { bytesPerToken: 18_432, bytes: 2_359_296 },
  latency: {
    device: 'Raspberry Pi 4, one core',
    basis: 'estimate',
    ms: 812.4,
    share: { compute: 0.86, memory: 0.1396, overhead: 0.0004 },
    energy: { millijoules: 31.4, source: 'Horowitz 2014' },
  },
  operators: [
    ...Array.from({ length: 40 }, (_, i) => operator(i)),
    { ...operator(40), name: 'odd', op: 'org.example.Odd', family: 'unknown', macs: 0, time: { ms: 0.01, bound: 'overhead' } },
  ],
  notes: ['org.example.Odd: not counted, since its shapes or what it does are not known'],
};

const { latency: _latency, cache: _cache, ...bare } = COST;
export const BARE_COST: Cost = { ...bare, operators: COST.operators.map(({ time: _time, ...rest }) => rest) };

export const DEVICE: DeviceProfile = {
  version: 1,
  name: 'a desk',
  basis: 'measured',
  source: 'tersor device measure',
  gigamacs: { linear: { f32: 38.2, i8: 71 }, conv: { f32: 30 } },
  gigaoperations: 4.1,
  bandwidth: { memory: 11, cache: 60, cacheBytes: 16_000_000 },
  overhead: { operator: 0.6, run: 60 },
};
