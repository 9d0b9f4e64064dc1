import { afterAll, beforeAll, expect, it } from 'vitest';
import { elementsOf, type Shape } from '../../src/core/dtype.ts';
import type { Engine, Feeds, Value } from '../../src/core/engine.ts';
import { type Graph, makeNode, type Node } from '../../src/core/graph.ts';
import { keyOf, ofInput, ofValue } from '../../src/core/observation.ts';
import { randomFor } from '../../src/core/random.ts';
import { openEngine } from '../../src/engine/engine-node.ts';
import { graphOf, handMade, integerWeight, tensorInfo } from '../support/hand-made-model.ts';
import { observeRuns, openerOf } from '../support/observing.ts';
import { written } from '../support/runtimes.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.close());

function noise(name: string, shape: Shape): Value & { readonly data: Float32Array } {
  const random = randomFor(3, name);
  return { dtype: 'f32', shape, data: Float32Array.from({ length: elementsOf(shape) }, () => random() * 2 - 0.7) };
}

/** XᵀX of rows, in f64. */
function gramOf(rows: readonly ArrayLike<number>[]): Float64Array {
  const columns = rows[0]?.length ?? 0;
  const values = new Float64Array(columns * columns);
  for (const row of rows) for (let i = 0; i < columns; i++) for (let j = 0; j < columns; j++) values[i * columns + j]! += row[i]! * row[j]!;
  return values;
}

function rowsOf({ data }: Value, columns: number): Float64Array[] {
  return Array.from({ length: data.length / columns }, (_, row) =>
    Float64Array.from({ length: columns }, (_, i) => Number(data[row * columns + i])),
  );
}

/** Frobenius norm of the difference over that of what is right. */
function errorOf(found: Float64Array, right: Float64Array): number {
  expect(found.length).toBe(right.length);
  const norm = (of: (i: number) => number) => Math.sqrt(right.reduce((sum, _, i) => sum + of(i) ** 2, 0));
  return norm((i) => found[i]! - right[i]!) / norm((i) => right[i]!);
}

const linear = (outputs = ['y']) =>
  handMade({
    nodes: [makeNode('MatMul', ['x', 'w'], ['h']), makeNode('Relu', ['h'], ['a']), makeNode('MatMul', ['a', 'v'], ['y'])],
    weights: { w: [24, 16], v: [16, 4] },
    inputs: [tensorInfo('x', 'f32', ['batch', 'length', 24])],
    outputs: outputs.map((name) => tensorInfo(name, 'f32')),
  });

it('has Gram matrices equal to those of f64', async () => {
  const runs = Array.from({ length: 5 }, (_, i) => ({ x: noise(`x${i}`, [2, 40 + i, 24]) }));
  const observed = await observeRuns(engine, linear(), [ofInput('w', 'gram')], runs);
  const gram = (await observed.get(ofInput('w', 'gram')))!;
  const rows = runs.flatMap(({ x }) => rowsOf(x, 24));
  expect([gram.rows, gram.groups, gram.columns]).toEqual([rows.length, 1, 24]);
  expect(errorOf(gram.values, gramOf(rows))).toBeLessThan(1e-6);
});

it('has statistics of convolutions equal to those of an explicit im2col', async () => {
  const [channels, height, width, group] = [4, 6, 5, 2];
  const model = handMade({
    nodes: [makeNode('Conv', ['x', 'w'], ['y'], { group, pads: [1, 0, 2, 1], strides: [2, 1], dilations: [1, 2] })],
    weights: { w: [6, channels / group, 3, 2] },
    inputs: [tensorInfo('x', 'f32', ['batch', channels, height, width])],
    outputs: [tensorInfo('y', 'f32')],
  });
  const runs = [1, 2].map((batch) => ({ x: noise(`x${batch}`, [batch, channels, height, width]) }));
  const patches = Array.from({ length: group }, (): number[][] => []);
  for (const { x } of runs) {
    for (let n = 0; n < x.shape[0]!; n++)
      for (let g = 0; g < group; g++)
        for (let top = -1; top + 2 < height + 2; top += 2)
          for (let left = 0; left + 2 < width + 1; left++) {
            const row: number[] = [];
            for (let c = g * 2; c < g * 2 + 2; c++)
              for (let i = 0; i < 3; i++)
                for (let j = 0; j < 2; j++) {
                  const [at, to] = [top + i, left + j * 2];
                  const inside = at >= 0 && at < height && to >= 0 && to < width;
                  row.push(inside ? x.data[((n * channels + c) * height + at) * width + to]! : 0);
                }
            patches[g]!.push(row);
          }
  }
  const asked = [
    ofInput('w', 'gram'),
    ofInput('w', 'mean'),
    ofInput('w', 'mean-square'),
    ofInput('w', 'outliers'),
    ofInput('w', 'range'),
  ] as const;
  const observed = await observeRuns(engine, model, asked, runs);
  const [gram, mean, square, outliers, range] = await Promise.all([
    observed.get(asked[0]),
    observed.get(asked[1]),
    observed.get(asked[2]),
    observed.get(asked[3]),
    observed.get(asked[4]),
  ]);
  expect([gram!.rows, gram!.groups, gram!.columns]).toEqual([patches[0]!.length, 2, 12]);
  expect(errorOf(gram!.values, Float64Array.from(patches.flatMap((rows) => [...gramOf(rows)])))).toBeLessThan(1e-6);
  const column = (of: (values: number[]) => number) =>
    Float64Array.from(patches.flatMap((rows) => rows[0]!.map((_, i) => of(rows.map((row) => row[i]!)))));
  const average = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  expect(errorOf(mean!.values, column(average))).toBeLessThan(1e-6);
  expect(
    errorOf(
      square!.values,
      column((values) => average(values.map((x) => x * x))),
    ),
  ).toBeLessThan(1e-6);
  expect(outliers!.values).toEqual(column((values) => Math.max(...values.map(Math.abs))));
  const all = runs.flatMap(({ x }) => [...x.data]);
  expect(range).toEqual({ min: Math.min(...all), max: Math.max(...all) });
});

it('counts values of any size, whether the graph gives, computes or only passes them on', async () => {
  const runs = [2, 1, 3, 1].map((batch, i) => ({ x: noise(`x${i}`, [batch, 700, 24]) }));
  const ids = ['x', 'h', 'a', 'y'];
  const observed = await observeRuns(
    engine,
    linear(),
    ids.map((id) => ofValue(id, 'histogram')),
    runs,
  );
  const session = await engine.open({ bytes: await written(linear(ids.slice(1))) });
  for (const id of ids) {
    const { counts, edge, min, max, nonfinite } = (await observed.get(ofValue(id, 'histogram')))!;
    const all: number[] = [];
    for (const run of runs) for (const value of id === 'x' ? run.x.data : (await session.run(run))[id]!.data) all.push(Number(value));
    const expected = new Float64Array(counts.length);
    for (const value of all) expected[Math.floor(((value + edge) / (2 * edge)) * counts.length)]! += 1;
    expect(counts).toEqual(expected);
    const [least, largest] = all.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [0, 0]);
    expect([min, max, nonfinite]).toEqual([least, largest, 0]);
  }
});

it('sees values as a whole, by channel and by last axis', async () => {
  const model = handMade({
    nodes: [makeNode('Relu', ['x'], ['y'])],
    weights: {},
    inputs: [tensorInfo('x', 'f32', [2, 3, 4, 5])],
    outputs: [tensorInfo('y', 'f32')],
  });
  const x = noise('x', [2, 3, 4, 5]);
  const y = x.data.map((value) => Math.max(0, value));
  const observed = await observeRuns(
    engine,
    model,
    [
      ofValue('y', 'mean'),
      ofValue('y', 'mean', 1),
      ofValue('y', 'mean', -1),
      ofValue('x', 'histogram'),
      ofValue('x', 'range'),
      ofValue('y', 'gram', 1),
    ],
    [{ x }],
  );
  const meanWhere = (is: (i: number) => boolean) => {
    const chosen = y.filter((_, i) => is(i));
    return chosen.reduce((sum, value) => sum + value, 0) / chosen.length;
  };
  const whole = (await observed.get(ofValue('y', 'mean')))!;
  expect([whole.rows, whole.columns]).toEqual([120, 1]);
  expect(whole.values[0]).toBeCloseTo(
    meanWhere(() => true),
    6,
  );
  const channels = (await observed.get(ofValue('y', 'mean', 1)))!;
  expect([channels.rows, channels.columns]).toEqual([40, 3]);
  for (let c = 0; c < 3; c++)
    expect(channels.values[c]).toBeCloseTo(
      meanWhere((i) => Math.floor(i / 20) % 3 === c),
      6,
    );
  const last = (await observed.get(ofValue('y', 'mean', -1)))!;
  for (let c = 0; c < 5; c++)
    expect(last.values[c]).toBeCloseTo(
      meanWhere((i) => i % 5 === c),
      6,
    );
  const histogram = (await observed.get(ofValue('x', 'histogram')))!;
  expect(histogram.counts.reduce((sum, count) => sum + count)).toBe(120);
  expect(await observed.get(ofValue('x', 'range'))).toEqual({ min: histogram.min, max: histogram.max });
  expect((await observed.get(ofValue('y', 'gram', 1)))!.values[0]).toBeCloseTo(
    y.reduce((sum, value, i) => sum + (Math.floor(i / 20) % 3 === 0 ? value * value : 0), 0),
    4,
  );
});

it('counts looked-up rows, and what a tied table is multiplied by, apart', async () => {
  const model = handMade({
    nodes: [
      makeNode('Gather', ['table', 'ids'], ['x']),
      makeNode('Transpose', ['table'], ['turned'], { perm: [1, 0] }),
      makeNode('MatMul', ['x', 'turned'], ['y']),
    ],
    weights: { table: [7, 6] },
    inputs: [tensorInfo('ids', 'i64', ['n'])],
    outputs: [tensorInfo('y', 'f32')],
  });
  const ids = (...list: number[]): Feeds => ({ ids: { dtype: 'i64', shape: [list.length], data: BigInt64Array.from(list, BigInt) } });
  const observed = await observeRuns(engine, model, [ofInput('table', 'tokens'), ofInput('table', 'mean')], [ids(1, 1, -1), ids(0)]);
  expect(await observed.get(ofInput('table', 'tokens'))).toEqual({ counts: Float64Array.of(1, 2, 0, 0, 0, 0, 1), total: 4 });
  const mean = (await observed.get(ofInput('table', 'mean')))!;
  expect([mean.rows, mean.columns]).toEqual([4, 6]);
});

function choice(): Graph {
  const branch = (factor: string, weight: string) =>
    graphOf({
      nodes: [makeNode('Mul', ['x', factor], ['z']), makeNode('MatMul', ['z', weight], ['out'])],
      initializers: [],
      outputs: [tensorInfo('out', 'f32')],
    });
  const pick: Node = {
    ...makeNode('If', ['which'], ['y']),
    graphs: new Map([
      ['then_branch', branch('two', 'w')],
      ['else_branch', branch('three', 'w')],
    ]),
  };
  const body = graphOf({
    nodes: [makeNode('Identity', ['go'], ['on']), makeNode('MatMul', ['state', 'u'], ['next']), makeNode('Identity', ['next'], ['given'])],
    inputs: [tensorInfo('i', 'i64', []), tensorInfo('go', 'bool', []), tensorInfo('state', 'f32', [3, 4])],
    outputs: [tensorInfo('on', 'bool'), tensorInfo('next', 'f32'), tensorInfo('given', 'f32')],
  });
  const loop: Node = { ...makeNode('Loop', ['times', '', 'x'], ['last', 'all']), graphs: new Map([['body', body]]) };
  return graphOf({
    nodes: [pick, loop],
    inputs: [tensorInfo('x', 'f32', [3, 4]), tensorInfo('which', 'bool', [])],
    outputs: [tensorInfo('y', 'f32'), tensorInfo('all', 'f32')],
    initializers: ['w', 'u', 'two', 'three', 'times'],
  });
}

it('sees patches of a convolution in a branch', async () => {
  const branch = () => graphOf({ nodes: [makeNode('Conv', ['x', 'w'], ['out'])], initializers: [], outputs: [tensorInfo('out', 'f32')] });
  const pick: Node = {
    ...makeNode('If', ['which'], ['y']),
    graphs: new Map([
      ['then_branch', branch()],
      ['else_branch', branch()],
    ]),
  };
  const inputs = [tensorInfo('x', 'f32', [1, 2, 5]), tensorInfo('which', 'bool', [])];
  const model = handMade({ nodes: [pick], weights: { w: [3, 2, 3] }, inputs, outputs: [tensorInfo('y', 'f32')] });
  const run = { x: noise('x', [1, 2, 5]), which: { dtype: 'bool' as const, shape: [], data: Uint8Array.of(1) } };
  const observed = await observeRuns(engine, model, [ofInput('w', 'gram')], [run]);
  const found = (await observed.get(ofInput('w', 'gram')))!;
  expect([found.rows, found.columns, found.groups]).toEqual([3, 6, 1]);
  const patches = [0, 1, 2].map((at) => [0, 1].flatMap((channel) => [0, 1, 2].map((tap) => run.x.data[channel * 5 + at + tap]!)));
  const expected = patches[0]!.flatMap((_, i) =>
    patches[0]!.map((__, j) => patches.reduce((sum, row) => sum + Number(row[i]) * Number(row[j]), 0)),
  );
  for (const [i, value] of found.values.entries()) expect(value).toBeCloseTo(expected[i]!, 5);
});

it('looks into branches and bodies, over all iterations, and folds uses of one weight together', async () => {
  const scalar = (id: string, value: number) => ({
    id,
    shape: [],
    dtype: 'f32' as const,
    layout: { kind: 'dense' as const, dtype: 'f32' as const },
    load: async () => ({ kind: 'dense' as const, dtype: 'f32' as const, shape: [], bytes: new Uint8Array(Float32Array.of(value).buffer) }),
  });
  const times = { ...integerWeight('times', [3n]), shape: [] };
  const timesScalar = {
    ...times,
    load: async () => ({ kind: 'dense' as const, dtype: 'i64' as const, shape: [], bytes: new Uint8Array(BigInt64Array.of(3n).buffer) }),
  };
  const model = {
    ...handMade({ nodes: [], weights: { w: [4, 2], u: [4, 4], two: scalar('two', 2), three: scalar('three', 3), times: timesScalar } }),
    graph: choice(),
  };
  const x = noise('x', [3, 4]);
  const which = (value: number): Value => ({ dtype: 'bool', shape: [], data: Uint8Array.of(value) });
  const runs = [
    { x, which: which(1) },
    { x, which: which(0) },
    { x, which: which(0) },
  ];
  const asked = [ofInput('w', 'gram'), ofInput('u', 'gram'), ofInput('u', 'range')] as const;
  const observed = await observeRuns(engine, model, asked, runs);
  expect([...observed.unseen]).toEqual([]);
  const rows = (factor: number) => rowsOf({ ...x, data: x.data.map((value) => value * factor) }, 4);
  const gram = (await observed.get(asked[0]))!;
  expect(gram.rows).toBe(9);
  expect(errorOf(gram.values, gramOf([...rows(2), ...rows(3), ...rows(3)]))).toBeLessThan(1e-6);
  const { session, close } = await openerOf(engine)(model);
  const { all } = await session.run(runs[0]!);
  await close();
  const states = [...rowsOf(x, 4), ...rowsOf(all!, 4).slice(0, 6)];
  const loop = (await observed.get(asked[1]))!;
  expect(loop.rows).toBe(27);
  expect(errorOf(loop.values, gramOf([...states, ...states, ...states]))).toBeLessThan(1e-6);
  expect((await observed.get(asked[2]))!.max).toBe(Math.max(...states.flatMap((row) => [...row])));
});

it('is the same in one pass and in several', async () => {
  const runs = [0, 1].map((i) => ({ x: noise(`x${i}`, [1, 9, 24]) }));
  const asked = [ofInput('w', 'gram'), ofInput('v', 'gram'), ofInput('v', 'mean')] as const;
  const opened: number[] = [];
  const counted: Engine = {
    ...engine,
    open(source) {
      opened.push(1);
      return engine.open(source);
    },
  };
  const together = await observeRuns(counted, linear(), asked, runs);
  expect(opened).toHaveLength(1);
  const done: string[] = [];
  const apart = await observeRuns(counted, linear(), asked, runs, {
    maxBytes: 24 * 24 * 12,
    onSample: (n, total) => done.push(`${n}/${total}`),
  });
  expect(opened).toHaveLength(3);
  expect(done).toEqual(['0/4', '1/4', '2/4', '3/4']);
  for (const observation of asked) expect(await apart.get(observation)).toEqual(await together.get(observation));
});

it('says what cannot be seen, and sees the rest', async () => {
  const lost = [ofInput('w', 'tokens'), ofInput('nothing', 'gram'), ofValue('nothing', 'range'), ofValue('h', 'mean', 7)] as const;
  const observed = await observeRuns(engine, linear(), [...lost, ofInput('v', 'range')], [{ x: noise('x', [1, 2, 24]) }]);
  expect(lost.map((each) => observed.unseen.get(keyOf(each)))).toEqual([
    'no rows are looked up in it',
    'no operator multiplies by it',
    'no graph has this value',
    'axis 7: columns are axis 1 or the last one, -1',
  ]);
  for (const each of lost) expect(await observed.get(each)).toBeUndefined();
  expect((await observed.get(ofInput('v', 'range')))!.min).toBe(0);
});
