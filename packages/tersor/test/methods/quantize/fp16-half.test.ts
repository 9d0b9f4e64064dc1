import { readFile } from 'node:fs/promises';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { findLayers } from '../../../src/core/find-layers.ts';
import { eachGraph, makeNode, type Node } from '../../../src/core/graph.ts';
import type { Weight } from '../../../src/core/model.ts';
import { parseOptions } from '../../../src/core/options.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../../src/io/memory-store.ts';
import { openKernels } from '../../../src/kernels/open-kernels.ts';
import rtn from '../../../src/methods/quantize/rtn.ts';
import { chain, convert, expectSameRun, FEED, floats, X, Y } from '../../support/fp16.ts';
import { graphOf, handMade, integerWeight, tensorInfo } from '../../support/hand-made-model.ts';
import { runOn, type TestFeed, written } from '../../support/runtimes.ts';

describe('fp16 with compute half', () => {
  it('casts at the borders only, and keeps names and types there', async () => {
    const model = chain([makeNode('MatMul', ['x', 'w'], ['h']), makeNode('Relu', ['h'], ['y'])], { w: [4, 3] });
    const { nodes, result } = await convert(model);
    expect(nodes.map(({ op }) => op)).toEqual(['Cast', 'MatMul', 'Relu', 'Cast']);
    expect(result.weights.get('w')).toMatchObject({ dtype: 'f16', layout: { kind: 'dense', dtype: 'f16' } });
    await expectSameRun(model, result, 2e-3);
  });

  it('takes and gives halves when asked', async () => {
    const model = chain([makeNode('MatMul', ['x', 'w'], ['h']), makeNode('CumSum', ['h', 'axis'], ['y'])], {
      w: [4, 3],
      axis: scalarInteger('axis'),
    });
    const { result, nodes } = await convert(model, { keepIo: false });
    expect(result.graph?.inputs[0]?.dtype).toBe('f16');
    expect(result.graph?.outputs[0]).toMatchObject({ name: 'y', dtype: 'f16' });
    expect(nodes.map(({ op }) => op)).toEqual(['MatMul', 'Cast', 'CumSum', 'Cast']);
    expect(nodes.at(-1)?.outputs).toEqual(['y']);
  });

  it('keeps the operators of constants beyond 65504 and what only moves them', async () => {
    const model = chain(
      [
        makeNode('Reshape', ['big', 'shape'], ['row']),
        makeNode('Mul', ['x', 'row'], ['large']),
        makeNode('Mul', ['large', 'small'], ['y']),
      ],
      { big: floats('big', [1e5, 1e5, 1e5, 1e5]), shape: [1n, 4n], small: floats('small', [1e-5]) },
    );
    const { notes, result } = await convert(model);
    expect(notes).toContain('big: stays f32: holds values beyond 65504');
    expect(result.weights.get('big')?.dtype).toBe('f32');
    expect(result.graph?.nodes.find(({ outputs }) => outputs[0] === 'large')?.inputs).toEqual(['x', 'row']);
  });

  it('bounds what only masks', async () => {
    const model = chain([makeNode('Add', ['x', 'mask'], ['scores']), makeNode('Softmax', ['scores'], ['y'])], {
      mask: floats('mask', [0, -3.4028235e38, -1e9, 0]),
    });
    const { notes, result } = await convert(model);
    expect(notes.join()).toMatch(/mask: masks with values beyond 65504/);
    expect(result.weights.get('mask')?.dtype).toBe('f16');
    await expectSameRun(model, result, 2e-3);
  });

  it('bounds masks that are made of a shape', async () => {
    const fill = {
      kind: 'tensor',
      value: { kind: 'dense', dtype: 'f32', shape: [1], bytes: new Uint8Array(Float32Array.of(-3.4028235e38).buffer) },
    } as const;
    const model = chain(
      [
        { ...makeNode('ConstantOfShape', ['shape'], ['full']), attributes: new Map([['value', fill]]) },
        makeNode('Trilu', ['full', 'one'], ['mask'], { upper: 1 }),
        makeNode('Add', ['x', 'mask'], ['scores']),
        makeNode('Softmax', ['scores'], ['y']),
      ],
      { shape: [2n, 4n], one: scalarInteger('one', 2n) },
      14,
    );
    const { result, nodes } = await convert(model);
    expect(nodes.map(({ op }) => op)).toEqual(['Cast', 'ConstantOfShape', 'Trilu', 'Add', 'Softmax', 'Cast']);
    await expectSameRun(model, result, 2e-3);
  });

  it('never lets an epsilon become zero', async () => {
    const model = chain(
      [makeNode('Sub', ['x', 'x'], ['zero']), makeNode('Add', ['zero', 'epsilon'], ['safe']), makeNode('Div', ['zero', 'safe'], ['y'])],
      {
        epsilon: floats('epsilon', [1e-12]),
      },
    );
    const { result } = await convert(model);
    const { y } = await runOn('node', await written(result), FEED);
    expect(Array.from(y!)).toEqual(new Array(8).fill(0));
  });

  it('counts what vanishes, and floors it when asked', async () => {
    const model = chain([makeNode('Add', ['x', 'tiny'], ['y'])], { tiny: floats('tiny', [1e-9, 1, 0, -1e-9]) });
    expect((await convert(model)).notes).toContain('fp16: 2 values are too small for a half and become zero');
    const { result } = await convert(model, { floor: true });
    const tensor = await result.weights.get('tiny')!.load();
    expect(tensor.kind === 'dense' && [...new Uint16Array(tensor.bytes.slice().buffer)]).toEqual([1, 0x3c00, 0, 0x8001]);
  });

  it('leaves the scales of Resize as they are, though the picture shrinks to halves', async () => {
    const model = handMade({
      nodes: [makeNode('Resize', ['x', 'none', 'scales'], ['y'], { mode: 'linear' })],
      weights: { none: floats('none', []), scales: floats('scales', [1, 1, 1.3333334, 2.1]) },
      inputs: [tensorInfo('x', 'f32', [1, 1, 4, 4])],
      outputs: [Y],
      opset: 11,
    });
    const { result, nodes } = await convert(model);
    expect(nodes.map(({ op }) => op)).toEqual(['Cast', 'Resize', 'Cast']);
    expect(result.weights.get('scales')?.dtype).toBe('f32');
    const feeds = { x: { ...FEED.x!, shape: [1, 1, 4, 4], data: Float32Array.from({ length: 16 }, (_, i) => Math.sin(i)) } };
    await expectSameRun(model, result, 2e-3, feeds);
  });

  it('keeps positions exact up to the angle', async () => {
    const model = handMade({
      nodes: [
        makeNode('Cast', ['n'], ['p'], { to: 1 }),
        makeNode('Mul', ['p', 'frequency'], ['angle']),
        makeNode('Cos', ['angle'], ['c']),
        makeNode('MatMul', ['c', 'w'], ['y']),
      ],
      weights: { frequency: floats('frequency', [1, 0.1, 0.01]), w: [3, 2] },
      inputs: [tensorInfo('n', 'i64', [4, 1])],
      outputs: [Y],
    });
    const { result, nodes } = await convert(model);
    expect(nodes.map(({ op }) => op)).toEqual(['Cast', 'Mul', 'Cos', 'Cast', 'MatMul', 'Cast']);
    const feeds: Record<string, TestFeed> = { n: { type: 'int64', shape: [4, 1], data: BigInt64Array.of(1n, 2049n, 30001n, 70001n) } };
    await expectSameRun(model, result, 2e-3, feeds);
  });

  it('keeps the mean of squares with its root, so that large activations stay finite', async () => {
    const model = chain(
      [
        makeNode('Mul', ['x', 'gain'], ['big']),
        makeNode('Pow', ['big', 'two'], ['squares']),
        makeNode('ReduceMean', ['squares'], ['mean'], { axes: [-1] }),
        makeNode('Add', ['mean', 'epsilon'], ['safe']),
        makeNode('Sqrt', ['safe'], ['root']),
        makeNode('Div', ['big', 'root'], ['y']),
      ],
      { gain: floats('gain', [5000]), two: floats('two', [2]), epsilon: floats('epsilon', [1e-6]) },
    );
    const { result, notes } = await convert(model);
    expect(notes.join()).toMatch(/1 Pow, 1 ReduceMean, 1 Add, 1 Sqrt, 1 Div: squares pass 65504/);
    await expectSameRun(model, result, 2e-3);
  });

  it('keeps operators and nodes by name, and refuses names that nothing has', async () => {
    const model = chain([makeNode('Relu', ['x'], ['h']), makeNode('Tanh', ['h'], ['y'])], {});
    expect((await convert(model, { keep: 'Relu' })).nodes.map(({ op }) => op)).toEqual(['Relu', 'Cast', 'Tanh', 'Cast']);
    expect((await convert(model, { keep: ['y'] })).nodes.map(({ op }) => op)).toEqual(['Cast', 'Relu', 'Cast', 'Tanh']);
    await expect(convert(model, { keep: 'Rely' })).rejects.toThrow(/keep "Rely".*\n.*closest name: "Relu" \[RULE_UNMATCHED\]/);
  });

  it('carries unknown operators between 32-bit floats', async () => {
    const model = chain(
      [makeNode('Relu', ['x'], ['h']), makeNode('MyOwn', ['h'], ['g'], {}, 'example.com'), makeNode('Tanh', ['g'], ['y'])],
      {},
    );
    expect((await convert(model)).nodes.map(({ op }) => op)).toEqual(['Cast', 'Relu', 'Cast', 'MyOwn', 'Tanh']);
  });

  it('stores a small constant twice when both types are wanted', async () => {
    const model = chain(
      [makeNode('Mul', ['x', 'c'], ['h']), makeNode('ReduceSumSquare', ['c'], ['s']), makeNode('Mul', ['h', 's'], ['y'])],
      { c: floats('c', [1, 2, 3, 4]) },
    );
    const { result } = await convert(model);
    expect([...result.weights.values()].map(({ id, dtype }) => [id, dtype])).toEqual([
      ['c', 'f32'],
      ['c.f16', 'f16'],
    ]);
    await expectSameRun(model, result, 2e-3);
  });

  it('leaves layers outside the scope, and their operators, as they are', async () => {
    const model = chain([makeNode('MatMul', ['x', 'a'], ['h']), makeNode('MatMul', ['h', 'b'], ['y'])], { a: [4, 4], b: [4, 2] });
    const { result, nodes } = await convert(model, {}, (id) => id === 'b');
    expect(result.weights.get('a')).toBe(model.weights.get('a'));
    expect(nodes.map(({ op }) => op)).toEqual(['MatMul', 'Cast', 'MatMul', 'Cast']);
  });

  it.each([
    ['expand', 8],
    ['weight-only', 4],
  ])('computes with halves around weights that were rounded before (%s, %i bits)', async (execution, bits) => {
    const model = chain([makeNode('MatMul', ['x', 'a'], ['h']), makeNode('Relu', ['h'], ['g']), makeNode('MatMul', ['g', 'b'], ['y'])], {
      a: [4, 64],
      b: [64, 32],
    });
    const kernels = await openKernels({ threads: 0 });
    const options = parseOptions('rtn', rtn.options, { execution, bits, block: 'row' });
    const rounded = await rtn.apply(model, options, {
      scope: await findLayers(model),
      kernels,
      note: () => {},
      observed: async () => undefined,
      recall: (_, make) => make(),
      random: () => () => 0,
    });
    const { result } = await convert(rounded);
    expect(result.weights.get('b')).toMatchObject({ dtype: 'f16', layout: { kind: 'affine' } });
    await expectSameRun(rounded, result, 2e-2);
  });

  it.each([
    ['ScatterND', 'add'],
    ['ScatterElements', 'max'],
  ])('keeps %s with reduction %s, which runtimes do not compute with halves', async (op, reduction) => {
    const nodes = [makeNode('Unsqueeze', ['first', 'axis'], ['at']), makeNode(op, ['x', 'at', 'more'], ['y'], { reduction })];
    const more = op === 'ScatterND' ? [2, 4] : [2, 1];
    const model = chain(nodes, { first: [0n, 0n], axis: [1n], more }, 18);
    const { result } = await convert(model);
    await expectSameRun(model, result, 2e-2);
  });

  it.each(['sparse', 'overridable'])('gives a model that loads: %s weights', async (name) => {
    const file = await readFile(new URL(`../../fixtures/onnx/${name}.onnx`, import.meta.url));
    const model = await onnx.open(openMemory({ 'm.onnx': file }), 'm.onnx');
    for (const keepIo of [true, false]) {
      const session = await InferenceSession.create(await written((await convert(model, { keepIo })).result));
      expect(session.outputNames).toEqual(model.graph?.outputs.map((output) => output.name));
      await session.release();
    }
  });

  it('leaves alone what the model itself computes with 32-bit floats between halves', async () => {
    const model = handMade({
      nodes: [makeNode('Cast', ['x'], ['f'], { to: 1 }), makeNode('Exp', ['f'], ['e']), makeNode('Cast', ['e'], ['y'], { to: 10 })],
      weights: {},
      inputs: [tensorInfo('x', 'f16', [2, 4])],
      outputs: [tensorInfo('y', 'f16')],
    });
    expect((await convert(model)).nodes).toEqual(model.graph?.nodes);
  });
});

describe('fp16 inside branches and loops', () => {
  const branch = (key: string, nodes: Node[], initializers: string[] = []): [string, ReturnType<typeof graphOf>] => [
    key,
    graphOf({ nodes, initializers, outputs: [tensorInfo(nodes.at(-1)!.outputs[0]!, 'f32')] }),
  ];

  it('gives both branches of an If one type, with values of the graph around them', async () => {
    const choice: Node = {
      ...makeNode('If', ['which'], ['chosen']),
      graphs: new Map([
        branch('then_branch', [makeNode('MatMul', ['h', 'inner'], ['t'])], ['chosen/then_branch/inner']),
        branch('else_branch', [makeNode('CumSum', ['h', 'axis'], ['e'])]),
      ]),
    };
    const model = handMade({
      nodes: [makeNode('Relu', ['x'], ['h']), choice, makeNode('Tanh', ['chosen'], ['y'])],
      weights: { axis: scalarInteger('axis'), 'chosen/then_branch/inner': [4, 4] },
      inputs: [X, tensorInfo('which', 'bool', [])],
      outputs: [Y],
    });
    const { result, nodes } = await convert(model);
    expect(nodes.map(({ op }) => op)).toEqual(['Cast', 'Relu', 'Cast', 'If', 'Tanh', 'Cast', 'MatMul', 'CumSum', 'Cast']);
    for (const which of [0, 1])
      await expectSameRun(model, result, 2e-3, { ...FEED, which: { type: 'bool', shape: [], data: Uint8Array.of(which) } });
  });

  it('goes around loops with 32-bit floats, and collects halves', async () => {
    const body = graphOf({
      nodes: [makeNode('Add', ['sum', 'h'], ['next']), makeNode('Mul', ['next', 'h'], ['scan']), makeNode('Identity', ['go'], ['on'])],
      inputs: [tensorInfo('i', 'i64', []), tensorInfo('go', 'bool', []), tensorInfo('sum', 'f32', [2, 4])],
      outputs: [tensorInfo('on', 'bool', []), tensorInfo('next', 'f32', [2, 4]), tensorInfo('scan', 'f32', [2, 4])],
    });
    const model = handMade({
      nodes: [
        makeNode('Relu', ['x'], ['h']),
        { ...makeNode('Loop', ['times', '', 'x'], ['last', 'all']), graphs: new Map([['body', body]]) },
        makeNode('Add', ['last', 'all'], ['y']),
      ],
      weights: { times: scalarInteger('times', 5n) },
      inputs: [X],
      outputs: [Y],
    });
    const { result } = await convert(model);
    const inner = [...eachGraph(result.graph!)][1]!.graph;
    expect(inner.inputs.map(({ dtype }) => dtype)).toEqual(['i64', 'bool', 'f32']);
    expect(inner.outputs.map(({ dtype }) => dtype)).toEqual(['bool', 'f32', 'f16']);
    await expectSameRun(model, result, 2e-2);
  });

  it('scans halves', async () => {
    const body = graphOf({
      nodes: [makeNode('Add', ['state', 'row'], ['next']), makeNode('Tanh', ['row'], ['out'])],
      inputs: [tensorInfo('state', 'f32', [4]), tensorInfo('row', 'f32', [4])],
      outputs: [tensorInfo('next', 'f32', [4]), tensorInfo('out', 'f32', [4])],
    });
    const scan = { ...makeNode('Scan', ['start', 'x'], ['end', 'rows'], { num_scan_inputs: 1 }), graphs: new Map([['body', body]]) };
    const model = chain([scan, makeNode('Add', ['end', 'rows'], ['y'])], { start: floats('start', [0, 0, 0, 0]) });
    const { result } = await convert(model);
    const inner = [...eachGraph(result.graph!)][1]!.graph;
    expect(inner.inputs.map(({ dtype }) => dtype)).toEqual(['f32', 'f16']);
    expect(inner.outputs.map(({ dtype }) => dtype)).toEqual(['f32', 'f16']);
    await expectSameRun(model, result, 2e-3);
  });
});

function scalarInteger(id: string, value = 1n): Weight {
  const weight = integerWeight(id, [value]);
  return { ...weight, shape: [], load: async () => ({ ...(await weight.load()), shape: [] }) as Awaited<ReturnType<Weight['load']>> };
}
