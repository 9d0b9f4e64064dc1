import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Target } from '../../../src/core/format.ts';
import { eachGraph, type Graph, makeNode, type Node } from '../../../src/core/graph.ts';
import { toHalfPrecision } from '../../../src/core/half.ts';
import { type Model, mapWeights } from '../../../src/core/model.ts';
import { lower } from '../../../src/formats/onnx/lower.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { openFolder } from '../../../src/io/node-store.ts';
import { graphOf, handMade, randomWeight, tensorInfo } from '../../support/hand-made-model.ts';
import { floats, layerZoo } from '../../support/layer-zoo.ts';
import { quantized } from '../../support/quantized.ts';
import { runOn, written } from '../../support/runtimes.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-'));
});
afterAll(() => rm(folder, { recursive: true }));

function operators(graph: Graph | undefined): string[] {
  return graph ? [...eachGraph(graph)].flatMap(({ graph: inner }) => inner.nodes.map(({ op }) => op)) : [];
}

async function loweredOperators(model: Model, target: Target = 'node'): Promise<string[]> {
  return operators((await lower(model, target)).model.graph);
}

function oneProduct(nodes: Node[], outputs = ['y']): Model {
  return handMade({
    nodes,
    weights: { w: [32, 64] },
    inputs: [tensorInfo('x', 'f32', [2, 64])],
    outputs: outputs.map((name) => tensorInfo(name, 'f32')),
  });
}

const transposed = [makeNode('Transpose', ['w'], ['t'], { perm: [1, 0] }), makeNode('MatMul', ['x', 't'], ['y'])];

/** The zoo with a loop, whose body reads a weight of its own and one of the graph around it. */
function withLoop(opset: number): Model {
  const zoo = layerZoo(opset);
  const body = graphOf({
    nodes: [
      makeNode('Identity', ['go'], ['on']),
      makeNode('MatMul', ['before', 'square'], ['inside']),
      makeNode('MatMul', ['inside', 'outer'], ['after']),
    ],
    inputs: [tensorInfo('i', 'i64', []), tensorInfo('go', 'bool', []), tensorInfo('before', 'f32')],
    outputs: [tensorInfo('on', 'bool', []), tensorInfo('after', 'f32')],
    initializers: ['loop/square'],
    opset,
  });
  const loop: Node = { ...makeNode('Loop', ['', 'which', 'x'], ['looped']), graphs: new Map([['body', body]]) };
  const weights = new Map([
    ...zoo.weights,
    ...[randomWeight('outer', [40, 40]), randomWeight('loop/square', [40, 40])].map((weight) => [weight.id, weight] as const),
  ]);
  const graph = zoo.graph!;
  return {
    ...zoo,
    weights,
    graph: {
      ...graph,
      nodes: [...graph.nodes, loop],
      outputs: [...graph.outputs, tensorInfo('looped', 'f32')],
      initializers: new Map([...graph.initializers, ['outer', 'outer']]),
    },
  };
}

describe('expanded weights', () => {
  it.each([11, 13, 17, 21, 24])('are folded by onnxruntime at load, in branches and loops too (operator set %i)', async (opset) => {
    for (const options of [{ bits: 8 }, { bits: 4, block: 16, symmetric: false }]) {
      const bytes = await written(await quantized(withLoop(opset), { ...options, execution: 'expand' }));
      await (
        await InferenceSession.create(bytes, {
          optimizedModelFilePath: join(folder, 'optimized.onnx'),
          graphOptimizationLevel: 'extended',
          logSeverityLevel: 3,
        })
      ).release();
      const { store, name } = await openFolder(join(folder, 'optimized.onnx'));
      const left = operators((await onnx.open(store, name)).graph);
      await store.close();
      expect(left.filter((op) => ['Cast', 'Mul', 'Sub', 'Reshape', 'Slice'].includes(op))).toEqual([]);
      expect(left.filter((op) => op === 'MatMul').length).toBeGreaterThanOrEqual(5);
    }
  });

  it('keep their names, and twins share what is stored', async () => {
    const model = oneProduct(transposed);
    const twin = {
      ...model,
      graph: {
        ...model.graph!,
        initializers: new Map([
          ['w', 'w'],
          ['v', 'w'],
        ]),
        nodes: [...model.graph!.nodes, makeNode('MatMul', ['y', 'v'], ['z'])],
      },
    };
    const { model: lowered, owners } = await lower(await quantized(twin, { bits: 8 }), 'node');
    expect(lowered.graph?.nodes.filter(({ outputs }) => outputs[0] === 'w' || outputs[0] === 'v').map(({ op }) => op)).toEqual([
      'Mul',
      'Identity',
    ]);
    expect([...owners]).toEqual([
      ['w#q', 'w'],
      ['w#s', 'w'],
    ]);
  });

  it('are no inputs any more that could be given', async () => {
    const model = oneProduct(transposed);
    const listed = { ...model, graph: { ...model.graph!, inputs: [...model.graph!.inputs, tensorInfo('w', 'f32', [32, 64])] } };
    expect((await lower(listed, 'node')).model.graph?.inputs.map(({ name }) => name)).toEqual(['x', 'w']);
    expect((await lower(await quantized(listed, { bits: 8 }), 'node')).model.graph?.inputs.map(({ name }) => name)).toEqual(['x']);
  });
});

describe('weights that stay small', () => {
  it('take the operators they should', async () => {
    const zoo = await quantized(layerZoo(), { bits: 4, block: 16, execution: 'weight-only' });
    const found = await loweredOperators(zoo);
    // matmul is used by a branch, too; if/inner by its branch; tied twice.
    expect(found.filter((op) => op === 'MatMulNBits')).toHaveLength(5);
    expect(found.filter((op) => op === 'GatherBlockQuantized')).toHaveLength(1);
    expect(found.filter((op) => op === 'Conv')).toHaveLength(3);
  });

  it('a Transpose that nobody needs any more goes', async () => {
    const model = await quantized(oneProduct(transposed), { bits: 4, block: 32 });
    expect(await loweredOperators(model)).toEqual(['Cast', 'Mul', 'MatMulNBits']);
  });

  it('a chain of thousands of operators in between is no harder', async () => {
    const passes = Array.from({ length: 20_000 }, (_, i) => makeNode('Identity', [i === 0 ? 'w' : `v${i}`], [`v${i + 1}`]));
    const nodes = [...passes, makeNode('Transpose', ['v20000'], ['t'], { perm: [1, 0] }), makeNode('MatMul', ['x', 't'], ['y'])];
    const found = await loweredOperators(await quantized(oneProduct(nodes), { bits: 4, block: 32 }));
    expect(found).toContain('MatMulNBits');
    expect(found).not.toContain('Identity');
  });

  it.each([
    ['something else reads the weight', oneProduct([...transposed, makeNode('Relu', ['w'], ['z'])], ['y', 'z'])],
    ['something else reads what was made of it', oneProduct([...transposed, makeNode('Relu', ['t'], ['z'])], ['y', 'z'])],
    ['it is an output itself', oneProduct(transposed, ['y', 'w'])],
    ['its transpose is an output', oneProduct(transposed, ['y', 't'])],
    ['a Gemm scales it', oneProduct([makeNode('Gemm', ['x', 'w'], ['y'], { transB: 1, alpha: { float: 2 } })])],
    [
      'it is the first operand',
      handMade({
        nodes: [makeNode('MatMul', ['w', 'x'], ['y'])],
        weights: { w: [32, 64] },
        inputs: [tensorInfo('x', 'f32', [64, 2])],
        outputs: [tensorInfo('y', 'f32')],
      }),
    ],
  ])('are expanded where %s', async (_, model) => {
    const found = await loweredOperators(await quantized(model, { bits: 4, block: 32, execution: 'weight-only' }));
    expect(found).not.toContain('MatMulNBits');
    expect(found).toContain('Mul');
  });

  it('are chosen where they were measured to be quick', async () => {
    const model = oneProduct(transposed);
    expect(await loweredOperators(await quantized(model, { bits: 4 }), 'node')).toContain('MatMulNBits');
    expect(await loweredOperators(await quantized(model, { bits: 4 }), 'wasm')).not.toContain('MatMulNBits');
    expect(await loweredOperators(await quantized(model, { bits: 8 }), 'node')).not.toContain('MatMulNBits');
  });
});

describe('weights in half precision', () => {
  const halfModel = () =>
    handMade({
      nodes: [
        makeNode('Cast', ['x'], ['h'], { to: 10 }),
        makeNode('MatMul', ['h', 'w'], ['p']),
        makeNode('Cast', ['p'], ['y'], { to: 1 }),
        makeNode('Gather', ['table', 'ids'], ['e']),
        makeNode('Cast', ['e'], ['z'], { to: 1 }),
      ],
      weights: { w: randomWeight('w', [64, 32], 'f16'), table: randomWeight('table', [9, 48], 'f16') },
      inputs: [tensorInfo('x', 'f32', [3, 64]), tensorInfo('ids', 'i64', [4])],
      outputs: [tensorInfo('y', 'f32'), tensorInfo('z', 'f32')],
      opset: 17,
    });

  it.each([
    { bits: 8, execution: 'expand' },
    { bits: 8, execution: 'weight-only' },
    { bits: 4, execution: 'expand' },
    { bits: 4, execution: 'weight-only' },
    { bits: 4, symmetric: false, execution: 'weight-only' },
  ])('are computed in it: $bits bits, $execution', async (options) => {
    const feeds = { x: floats('x', [3, 64]), ids: { type: 'int64' as const, shape: [4], data: BigInt64Array.of(0n, 8n, 3n, 3n) } };
    const model = await quantized(halfModel(), options);
    const before = await runOn('node', await written(halfModel()), feeds);
    const after = await runOn('node', await written(model), feeds);
    for (const name of ['y', 'z']) {
      const signal = Array.from(before[name]!).reduce((sum, value) => sum + value * value, 0);
      const noise = Array.from(before[name]!).reduce((sum, value, i) => sum + (value - after[name]![i]!) ** 2, 0);
      expect(Math.sqrt(noise / signal)).toBeLessThan(options.bits === 8 ? 0.01 : 0.15);
    }
  });

  it('are widened when they are only stored so', async () => {
    const plain = oneProduct(transposed);
    const { load: loadHalf } = randomWeight('w', [32, 64], 'f16');
    const model = mapWeights(plain, (weight) => ({ ...weight, layout: { kind: 'dense', dtype: 'f16' }, load: loadHalf }));
    expect(await loweredOperators(model)).toEqual(['Cast', 'Transpose', 'MatMul']);
    const x = floats('x', [2, 64]);
    const [whole, halved] = [await runOn('node', await written(plain), { x }), await runOn('node', await written(model), { x })];
    Array.from(whole.y!).forEach((value, i) => {
      expect(Math.abs(value - halved.y![i]!)).toBeLessThan(0.01);
    });
    expect(Array.from(halved.y!)).not.toEqual(Array.from(whole.y!).map(toHalfPrecision));
  });
});

describe('refuses', () => {
  const weight = {
    ...randomWeight('w', [4, 4]),
    layout: {
      kind: 'affine',
      numeric: { id: 'int3', bits: 3, lo: -4, hi: 3 },
      outputs: [0],
      block: 'row',
      scale: { kind: 'dense', dtype: 'f16' },
    },
  } as const;

  it('what no operator reads', () => {
    const model = oneProduct(transposed);
    expect(onnx.refuses(model, weight, 'node')).toBe('no operator reads int3: it takes integers of 2, 4 or 8 bits');
    expect(
      onnx.refuses(model, { ...weight, layout: { ...weight.layout, scale: { kind: 'dense', dtype: 'bf16' } }, dtype: 'i32' }, 'node'),
    ).toBe('weights of type i32 are stored as they are');
    expect(onnx.refuses(model, randomWeight('w', [4, 4]), 'node')).toBeUndefined();
    const text = { ...randomWeight('w', [4]), dtype: 'string', layout: { kind: 'dense', dtype: 'u8' } } as const;
    expect(onnx.refuses(model, text, 'node')).toBeUndefined();
  });

  it('operator sets without broadcasting', () => {
    const old = handMade({ nodes: transposed, weights: { w: [4, 4] }, opset: 6 });
    expect(onnx.refuses(old, { ...weight, layout: { ...weight.layout, numeric: { id: 'int4', bits: 4, lo: -8, hi: 7 } } }, 'node')).toBe(
      'operator set 6 cannot expand compressed weights: it takes 7 or newer',
    );
  });

  it('and so plans and writes no file of it', async () => {
    const model = mapWeights(oneProduct(transposed), () => weight);
    await expect(onnx.size(model, 'node')).rejects.toMatchObject({ code: 'LAYOUT', where: 'w' });
    await expect(written(model)).rejects.toMatchObject({ code: 'LAYOUT', where: 'w' });
  });
});
