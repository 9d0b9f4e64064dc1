import { describe, expect, it } from 'vitest';
import type { Cost, OperatorCost } from '../../src/core/cost.ts';
import type { DeviceProfile } from '../../src/core/device.ts';
import { makeNode, type Node } from '../../src/core/graph.ts';
import type { Model } from '../../src/core/model.ts';
import { bindShapes } from '../../src/cost/bind-shapes.ts';
import { costOf } from '../../src/cost/cost-of.ts';
import { parseDevice } from '../../src/cost/parse-device.ts';
import { graphOf, type HandMade, handMade, tensorInfo } from '../support/hand-made-model.ts';

const DEVICE: DeviceProfile = {
  version: 1,
  name: 'round numbers',
  basis: 'estimate',
  source: 'made up',
  gigamacs: { linear: { f32: 1, w4: 0.5 } },
  gigaoperations: 1,
  bandwidth: { memory: 1, cache: 10, cacheBytes: 1000 },
  overhead: { operator: 2, run: 10 },
};

type Counted = Omit<Cost, 'inputs' | 'parameters'>;

async function count(
  made: HandMade | Model,
  shapes: Readonly<Record<string, readonly number[]>>,
  device?: DeviceProfile,
): Promise<Counted> {
  const model = 'format' in made ? made : handMade(made);
  return costOf(model, { shapes: new Map(Object.entries(shapes)), ...(device && { device }) });
}

async function single(
  node: Node,
  weights: HandMade['weights'],
  shapes: Readonly<Record<string, readonly number[]>>,
): Promise<OperatorCost> {
  const inputs = Object.keys(shapes).map((name) => tensorInfo(name, 'f32'));
  const { operators } = await count({ nodes: [node], weights, inputs, outputs: [tensorInfo('y', 'f32')], opset: 17 }, shapes);
  return operators[0]!;
}

describe('products, by hand', () => {
  const x = { x: [2, 8, 10, 10] };

  it.each<readonly [string, Node, HandMade['weights'], Readonly<Record<string, readonly number[]>>, number, string]>([
    ['Conv', makeNode('Conv', ['x', 'w'], ['y'], { strides: [2, 2] }), { w: [4, 8, 3, 3] }, x, 2 * 4 * 4 * 4 * (8 * 9), 'conv'],
    ['grouped', makeNode('Conv', ['x', 'w'], ['y'], { group: 4 }), { w: [4, 2, 3, 3] }, x, 2 * 4 * 8 * 8 * (2 * 9), 'conv'],
    ['depthwise', makeNode('Conv', ['x', 'w'], ['y'], { group: 8 }), { w: [8, 1, 3, 3] }, x, 2 * 8 * 8 * 8 * 9, 'depthwise'],
    ['ConvTranspose', makeNode('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2] }), { w: [8, 5, 2, 2] }, x, 1600 * (5 * 4), 'conv'],
    ['MatMul', makeNode('MatMul', ['x', 'w'], ['y']), { w: [10, 7] }, x, 2 * 8 * 10 * 7 * 10, 'linear'],
    ['of activations', makeNode('MatMul', ['x', 'z'], ['y']), {}, { x: [2, 3, 4, 5], z: [2, 3, 5, 6] }, 6 * 4 * 6 * 5, 'linear'],
    ['Gemm', makeNode('Gemm', ['x', 'w'], ['y'], { transA: 1, transB: 1 }), { w: [7, 6] }, { x: [6, 3] }, 3 * 7 * 6, 'linear'],
    [
      'Einsum',
      makeNode('Einsum', ['x', 'z'], ['y'], { equation: 'bhqd,bhkd->bhqk' }),
      {},
      { x: [1, 2, 3, 4], z: [1, 2, 5, 4] },
      2 * 3 * 5 * 4,
      'linear',
    ],
    [
      'LSTM',
      makeNode('LSTM', ['x', 'w', 'r'], ['y'], { hidden_size: 6 }),
      { w: [1, 24, 5], r: [1, 24, 6] },
      { x: [9, 2, 5] },
      9 * 2 * 24 * (5 + 6),
      'recurrent',
    ],
    [
      'GRU both ways',
      makeNode('GRU', ['x', 'w', 'r'], ['y'], { hidden_size: 6, direction: 'bidirectional' }),
      { w: [2, 18, 5], r: [2, 18, 6] },
      { x: [9, 2, 5] },
      2 * 9 * 2 * 18 * (5 + 6),
      'recurrent',
    ],
    [
      'grouped-query attention',
      makeNode('GroupQueryAttention', ['x', 'k', 'v', 'p', 'q'], ['y', 'a', 'b'], { num_heads: 4, kv_num_heads: 2 }, 'com.microsoft'),
      {},
      { x: [1, 3, 32], k: [1, 3, 16], v: [1, 3, 16], p: [1, 2, 5, 8], q: [1, 2, 5, 8] },
      2 * (3 * 32) * (5 + 3),
      'attention',
    ],
    [
      'MatMulNBits',
      makeNode('MatMulNBits', ['x', 'w', 's'], ['y'], { K: 64, N: 6, bits: 4, block_size: 32 }, 'com.microsoft'),
      { w: [6, 2, 16], s: [12] },
      { x: [3, 64] },
      3 * 64 * 6,
      'linear',
    ],
  ])('%s', async (_, node, weights, shapes, macs, family) => {
    expect(await single(node, weights, shapes)).toMatchObject({ macs, family });
  });
});

describe('memory', () => {
  const inputs = [tensorInfo('x', 'f32')];
  const outputs = [tensorInfo('y', 'f32')];

  it('is held from the operator that makes a value to the last that reads it', async () => {
    // x 400 B stays; a and b overlap; c takes over b's place; y takes over c's once a is gone
    const nodes = [
      makeNode('MatMul', ['x', 'w'], ['a']),
      makeNode('MatMul', ['a', 'w'], ['b']),
      makeNode('Relu', ['b'], ['c']),
      makeNode('Add', ['c', 'a'], ['y']),
    ];
    const { memory, operators } = await count({ nodes, weights: { w: [10, 10] }, inputs, outputs }, { x: [10, 10] });
    expect(operators.map(({ liveBytes }) => liveBytes)).toEqual([800, 1200, 1200, 1200]);
    expect(memory).toMatchObject({ peakBytes: 1200, peakAt: 'b', weightBytes: 400, storedBytes: 400 });
    expect(memory.alive.map(({ name }) => name).sort()).toEqual(['a', 'b', 'x']);
  });

  it('is not taken by views', async () => {
    const nodes = [makeNode('Transpose', ['x'], ['a']), makeNode('Flatten', ['a'], ['b']), makeNode('Transpose', ['b'], ['y'])];
    const { memory } = await count({ nodes, weights: {}, inputs, outputs }, { x: [2, 3, 5] });
    expect(memory.peakBytes).toBe(3 * 120);
  });

  it('holds expanded weights as floats, and computes them once', async () => {
    const codes = {
      ...handMade({ nodes: [], weights: { codes: [10, 10] } }).weights.get('codes')!,
      dtype: 'i8',
      layout: { kind: 'dense', dtype: 'i8' },
    } as const;
    const nodes = [
      makeNode('Cast', ['codes'], ['f'], { to: 1 }),
      makeNode('Mul', ['f', 's'], ['w']),
      makeNode('MatMul', ['x', 'w'], ['y']),
    ];
    const { memory, operators } = await count({ nodes, weights: { codes, s: [10] }, inputs, outputs }, { x: [1, 10] });
    expect(operators.map(({ op }) => op)).toEqual(['MatMul']);
    expect(memory).toMatchObject({ storedBytes: 140, weightBytes: 400 });
  });

  it('of a cache grows with every token', async () => {
    const free = ['batch', 4, 'past', 16] as const;
    const made = handMade({
      nodes: [makeNode('Concat', ['past_key_values.0.key', 'x'], ['present.0.key'], { axis: 2 })],
      weights: {},
      inputs: [tensorInfo('past_key_values.0.key', 'f16', [...free]), tensorInfo('x', 'f16', ['batch', 4, 1, 16])],
      outputs: [tensorInfo('present.0.key', 'f16', ['batch', 4, 'total', 16])],
    });
    const { cache } = await count(made, { 'past_key_values.0.key': [2, 4, 0, 16], x: [2, 4, 1, 16] });
    expect(cache).toEqual({ bytesPerToken: 4 * 16 * 2, bytes: 2 * 4 * 16 * 2 });
  });
});

describe('subgraphs', () => {
  const bodyNode = (op: string, inputs: string[], outputs: string[], graphs: Node['graphs'], more = {}): Node => ({
    ...makeNode(op, inputs, outputs, more),
    graphs,
  });

  it('of If: the dearest is counted, and that is said', async () => {
    const branch = (depth: number) =>
      graphOf({
        nodes: Array.from({ length: depth }, (_, i) =>
          makeNode('MatMul', [i === 0 ? 'x' : `v${i}`, 'w'], [i === depth - 1 ? 'r' : `v${i + 1}`]),
        ),
        outputs: [tensorInfo('r', 'f32')],
      });
    const node = bodyNode(
      'If',
      ['c'],
      ['y'],
      new Map([
        ['then_branch', branch(1)],
        ['else_branch', branch(3)],
      ]),
    );
    const { macs, notes, operators } = await count(
      {
        nodes: [node],
        weights: { w: [4, 4] },
        inputs: [tensorInfo('c', 'bool'), tensorInfo('x', 'f32')],
        outputs: [tensorInfo('y', 'f32')],
      },
      { c: [], x: [2, 4] },
    );
    expect(macs).toBe(3 * 2 * 4 * 4);
    expect(operators[0]?.shape).toEqual([2, 4]);
    expect(notes).toEqual(['y: of 2 branches the dearest is counted']);
  });

  it('of Scan: once for every element', async () => {
    const body = graphOf({
      nodes: [makeNode('MatMul', ['e', 'w'], ['r'])],
      inputs: [tensorInfo('e', 'f32')],
      outputs: [tensorInfo('r', 'f32')],
    });
    const node = bodyNode('Scan', ['x'], ['y'], new Map([['body', body]]), { num_scan_inputs: 1 });
    const { macs, operators, notes } = await count(
      { nodes: [node], weights: { w: [4, 5] }, inputs: [tensorInfo('x', 'f32')], outputs: [tensorInfo('y', 'f32')] },
      { x: [7, 2, 4] },
    );
    expect(macs).toBe(7 * 2 * 4 * 5);
    expect(operators.map(({ runs, shape }) => [runs, shape])).toEqual([
      [1, [7, 2, 5]],
      [7, [2, 5]],
    ]);
    expect(notes).toEqual([]);
  });

  it('of Loop: once where nothing tells how often, and that is said', async () => {
    const body = graphOf({
      nodes: [makeNode('MatMul', ['s', 'w'], ['t']), makeNode('Identity', ['go'], ['on'])],
      inputs: [tensorInfo('i', 'i64'), tensorInfo('go', 'bool'), tensorInfo('s', 'f32')],
      outputs: [tensorInfo('on', 'bool'), tensorInfo('t', 'f32')],
    });
    const node = bodyNode('Loop', ['m', 'c', 'x'], ['y'], new Map([['body', body]]));
    const { macs, notes } = await count(
      {
        nodes: [node],
        weights: { w: [4, 4] },
        inputs: [tensorInfo('m', 'i64'), tensorInfo('c', 'bool'), tensorInfo('x', 'f32')],
        outputs: [tensorInfo('y', 'f32')],
      },
      { m: [], c: [], x: [2, 4] },
    );
    expect(macs).toBe(2 * 4 * 4);
    expect(notes).toEqual(['y: a Loop whose end depends on values; its body is counted once']);
  });
});

describe('what is not known', () => {
  it('is said, never silently nothing', async () => {
    const nodes = [makeNode('Odd', ['x'], ['a'], {}, 'org.example'), makeNode('MatMul', ['a', 'w'], ['y'])];
    const { notes, operators } = await count(
      { nodes, weights: { w: [4, 4] }, inputs: [tensorInfo('x', 'f32')], outputs: [tensorInfo('y', 'f32')] },
      { x: [2, 4] },
    );
    expect(operators.map(({ family }) => family)).toEqual(['unknown', 'unknown']);
    expect(notes).toEqual([
      'org.example.Odd: not counted, since its shapes or what it does are not known',
      'MatMul: not counted, since its shapes or what it does are not known',
    ]);
  });

  it('sizes beyond 2^53 are refused or unknown, never rounded', async () => {
    const huge = 2 ** 40;
    const expand: Node = { ...makeNode('MatMul', ['x', 'z'], ['y']) };
    const counted = await count(
      { nodes: [expand], weights: {}, inputs: [tensorInfo('x', 'f32'), tensorInfo('z', 'f32')], outputs: [tensorInfo('y', 'f32')] },
      { x: [huge, huge], z: [huge, huge] },
    );
    expect(counted.macs).toBe(0);
    expect(counted.notes).toEqual(['MatMul: not counted, since its shapes or what it does are not known']);
  });
});

describe('shapes that a user gives', () => {
  const inputs = [
    tensorInfo('ids', 'i64', ['batch', 'sequence']),
    tensorInfo('mask', 'i64', ['batch', 'sequence']),
    tensorInfo('image', 'f32', [1, 3, 8, 8]),
  ];

  it('of one input hold for the symbols of the others', () => {
    expect(bindShapes(inputs, { ids: [2, 128] })).toEqual([
      { name: 'ids', shape: [2, 128], from: 'asked' },
      { name: 'mask', shape: [2, 128], from: 'asked' },
      { name: 'image', shape: [1, 3, 8, 8], from: 'file' },
    ]);
    expect(bindShapes(inputs, { sequence: 16 })[1]).toEqual({ name: 'mask', shape: ['batch', 16], from: 'asked' });
  });

  it.each([
    [{ idz: [1, 2] }, '--shape idz: is neither an input nor a free size of the model\n  did you mean "ids"? [OPTION_VALUE]'],
    [{ image: [1, 3, 9, 8] }, '--shape image: 1,3,9,8\n  the model fixes it: [1, 3, 8, 8] [OPTION_VALUE]'],
    [{ ids: [1] }, '--shape ids: 1\n  the model fixes it: [batch, sequence] [OPTION_VALUE]'],
    [{ sequence: [1, 2] }, '--shape sequence: 1,2\n  a free size takes one number, such as sequence=128 [OPTION_VALUE]'],
    [{ ids: [1, 8], sequence: 9 }, '--shape sequence: "sequence" is 9\n  another --shape makes it 8 [OPTION_VALUE]'],
    [
      { ids: [2 ** 30, 2 ** 30] },
      '--shape ids: 1073741824,1073741824\n  it takes whole numbers whose product is below 2^40 [OPTION_VALUE]',
    ],
  ])('that cannot be are refused: %j', (asked, message) => {
    expect(() => bindShapes(inputs, asked)).toThrow(message);
  });
});

describe('on a device', () => {
  it('an operator takes as long as the slower one of arithmetic and bytes, and its start', async () => {
    const shapes = { x: [10, 10] };
    const made = {
      nodes: [makeNode('MatMul', ['x', 'w'], ['y'])],
      weights: { w: [10, 40] },
      inputs: [tensorInfo('x', 'f32')],
      outputs: [tensorInfo('y', 'f32')],
    };
    const { operators, latency } = await count(made, shapes, DEVICE);
    // 4,000 MACs at 1 G/s: 4 us; weights of 1,600 B do not fit into the cache: 1.6 us, activations of 2,000 B neither: 2 us
    expect(operators[0]?.time).toEqual({ ms: expect.closeTo(0.006, 9), bound: 'compute' });
    expect(latency).toMatchObject({ ms: expect.closeTo(0.016, 9), device: 'round numbers' });
    const slow = await count(made, shapes, { ...DEVICE, bandwidth: { memory: 0.1, cache: 10, cacheBytes: 1000 } });
    expect(slow.operators[0]?.time).toEqual({ ms: expect.closeTo(0.038, 9), bound: 'memory' });
  });

  it('an activation after a product costs nothing of its own', async () => {
    const nodes = [makeNode('Conv', ['x', 'w'], ['a']), makeNode('Relu', ['a'], ['b']), makeNode('Exp', ['b'], ['y'])];
    const { operators } = await count(
      { nodes, weights: { w: [4, 4, 1, 1] }, inputs: [tensorInfo('x', 'f32')], outputs: [tensorInfo('y', 'f32')] },
      { x: [1, 4, 8, 8] },
      DEVICE,
    );
    expect(operators.map(({ fused, time }) => [fused, time !== undefined])).toEqual([
      [false, true],
      [true, false],
      [false, true],
    ]);
  });

  it.each([
    [{ ...DEVICE, version: 2 }, 'device: version is 2\n  this tersor reads "version": 1 [DEVICE_INVALID]'],
    [{ ...DEVICE, gigamac: 1 }, 'device: no field "gigamac"\n  did you mean "gigamacs"? [DEVICE_INVALID]'],
    [{ ...DEVICE, gigaoperations: 0 }, 'device gigaoperations: is 0\n  it is a number above 0 and up to 1000000000 [DEVICE_INVALID]'],
    [
      { ...DEVICE, gigamacs: { linear: { i8: 1 } } },
      'device gigamacs linear f32: is missing\n  it is a number above 0 and up to 1000000000 [DEVICE_INVALID]',
    ],
    ['x', 'device: is "x"'],
  ])('a profile is checked to the last number: %#', (json, message) => {
    expect(() => parseDevice(json)).toThrow(message);
  });

  it('a profile survives being read', () => {
    const full = {
      ...DEVICE,
      $schema: 'x',
      threads: 1,
      runtime: 'r',
      energy: { mac: { f32: 4 }, memoryByte: 2, cacheByte: 1, source: 's' },
    };
    const { $schema: _, ...rest } = full;
    expect(parseDevice(full)).toEqual(rest);
  });
});
