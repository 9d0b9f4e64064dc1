import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { elementsOf, type Shape } from '../../src/core/dtype.ts';
import type { Engine, Feeds, Value } from '../../src/core/engine.ts';
import { makeNode } from '../../src/core/graph.ts';
import { ofInput, ofValue } from '../../src/core/observation.ts';
import { randomFor } from '../../src/core/random.ts';
import { openEngine } from '../../src/engine/engine-node.ts';
import { handMade, tensorInfo } from '../support/hand-made-model.ts';
import { observeRuns, openerOf } from '../support/observing.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.close());

const [STEPS, BATCH, INPUTS, HIDDEN] = [5, 2, 4, 3];

function noise(name: string, shape: Shape): Value {
  const random = randomFor(3, name);
  return { dtype: 'f32', shape, data: Float32Array.from({ length: elementsOf(shape) }, () => random() * 2 - 0.7) };
}

/** The states before each step, for each direction, from those after it: [direction][step][batch x hidden]. */
function statesBefore(after: Value, initial: Value | undefined, directions: readonly ('forward' | 'reverse')[]): number[][][] {
  const at = (step: number, direction: number) => {
    const size = BATCH * HIDDEN;
    const start = (step * directions.length + direction) * size;
    return Array.from(after.data.slice(start, start + size), Number);
  };
  return directions.map((way, direction) => {
    const first = initial
      ? Array.from(initial.data.slice(direction * BATCH * HIDDEN, (direction + 1) * BATCH * HIDDEN), Number)
      : new Array<number>(BATCH * HIDDEN).fill(0);
    return Array.from({ length: STEPS }, (_, step) => {
      const before = way === 'forward' ? step - 1 : step + 1;
      return before < 0 || before >= STEPS ? first : at(before, direction);
    });
  });
}

function gramOf(rows: readonly (readonly number[])[]): number[] {
  const columns = rows[0]!.length;
  return Array.from({ length: columns * columns }, (_, i) =>
    rows.reduce((sum, row) => sum + row[Math.floor(i / columns)]! * row[i % columns]!, 0),
  );
}

function expectClose(found: Float64Array, right: readonly number[]): void {
  expect(found.length).toBe(right.length);
  for (const [i, value] of right.entries()) expect(found[i]).toBeCloseTo(value, 4);
}

const split = (list: readonly number[], size: number) =>
  Array.from({ length: list.length / size }, (_, i) => list.slice(i * size, (i + 1) * size));

describe.each([
  ['LSTM', 4, 'bidirectional', ['forward', 'reverse'], true],
  ['LSTM', 4, 'forward', ['forward'], false],
  ['GRU', 3, 'reverse', ['reverse'], true],
  ['RNN', 1, 'bidirectional', ['forward', 'reverse'], false],
] as const)('%s of %i gates, %s', (op, gates, direction, directions, given) => {
  const count = directions.length;
  const inputs = given ? ['x', 'w', 'r', '', '', 'start'] : ['x', 'w', 'r'];
  const model = (outputs: readonly string[]) =>
    handMade({
      nodes: [makeNode(op, inputs, outputs, { hidden_size: HIDDEN, direction })],
      weights: { w: [count, gates * HIDDEN, INPUTS], r: [count, gates * HIDDEN, HIDDEN] },
      inputs: [tensorInfo('x', 'f32', [STEPS, BATCH, INPUTS]), ...(given ? [tensorInfo('start', 'f32', [count, BATCH, HIDDEN])] : [])],
      outputs: [tensorInfo(outputs.find((name) => name !== '') ?? '', 'f32')],
    });

  // the states of all steps are an output that the model itself may not ask for
  it.each([[['y']], [['', 'last']]])('with outputs %j', async (outputs) => {
    const feeds: Feeds = { x: noise('x', [STEPS, BATCH, INPUTS]), ...(given && { start: noise('start', [count, BATCH, HIDDEN]) }) };
    const observed = await observeRuns(
      engine,
      model(outputs),
      [ofInput('w', 'gram'), ofInput('r', 'gram'), ofInput('r', 'outliers')],
      [feeds],
    );
    expect([...observed.unseen]).toEqual([]);
    const { session, close } = await openerOf(engine)(model(['y']));
    const { y } = await session.run(feeds);
    await close();

    const w = (await observed.get(ofInput('w', 'gram')))!;
    expect([w.rows, w.groups, w.columns]).toEqual([STEPS * BATCH, 1, INPUTS]);
    expectClose(w.values, gramOf(split(Array.from(feeds.x!.data, Number), INPUTS)));

    const states = statesBefore(y!, feeds.start, directions);
    const r = (await observed.get(ofInput('r', 'gram')))!;
    expect([r.rows, r.groups, r.columns]).toEqual([STEPS * BATCH, count, HIDDEN]);
    expectClose(
      r.values,
      states.flatMap((steps) => gramOf(steps.flatMap((step) => split(step, HIDDEN)))),
    );
    const peaks = (await observed.get(ofInput('r', 'outliers')))!.values;
    expect(peaks[0]).toBe(Math.max(...states[0]!.flatMap((step) => split(step, HIDDEN).map((row) => Math.abs(row[0]!)))));
  });
});

/** As PyTorch's exporter brings gates into ONNX's order: rows cut apart, put together otherwise, and an axis for the direction. */
function gatesMoved(cutAlong: 0 | 1) {
  const gates = (weight: string) =>
    [0, 1, 2, 3].map((gate) => makeNode('Slice', [weight, `from${gate}`, `to${gate}`, 'along'], [`${weight}${gate}`]));
  const joined = (weight: string) => [
    makeNode(
      'Concat',
      [0, 3, 1, 2].map((gate) => `${weight}${gate}`),
      [`${weight}_joined`],
      { axis: cutAlong },
    ),
    makeNode('Unsqueeze', [`${weight}_joined`], [`${weight}_all`], { axes: [0] }),
  ];
  const [own, other] = cutAlong === 0 ? [HIDDEN, HIDDEN] : [1, 1];
  const bounds = [0, 1, 2, 3].flatMap((gate) => [
    [`from${gate}`, [BigInt(gate * own)]] as const,
    [`to${gate}`, [BigInt((gate + 1) * other)]] as const,
  ]);
  return handMade({
    nodes: [
      ...['w', 'r'].flatMap((weight) => [...gates(weight), ...joined(weight)]),
      makeNode('LSTM', ['x', 'w_all', 'r_all'], ['y'], { hidden_size: cutAlong === 0 ? HIDDEN : INPUTS }),
    ],
    weights: {
      w: cutAlong === 0 ? [4 * HIDDEN, INPUTS] : [4 * INPUTS, INPUTS],
      r: cutAlong === 0 ? [4 * HIDDEN, HIDDEN] : [4 * INPUTS, INPUTS],
      along: [BigInt(cutAlong)],
      ...Object.fromEntries(bounds),
    },
    inputs: [tensorInfo('x', 'f32', [STEPS, BATCH, INPUTS])],
    outputs: [tensorInfo('y', 'f32')],
    opset: 11,
  });
}

it('sees what a weight is multiplied by whose gates are reordered on their way, but not where its columns are', async () => {
  const x = noise('x', [STEPS, BATCH, INPUTS]);
  const asked = [ofInput('w', 'gram'), ofInput('r', 'gram')] as const;
  const observed = await observeRuns(engine, gatesMoved(0), asked, [{ x }]);
  const { session, close } = await openerOf(engine)(gatesMoved(0));
  const { y } = await session.run({ x });
  await close();
  expectClose((await observed.get(asked[0]))!.values, gramOf(split(Array.from(x.data, Number), INPUTS)));
  const [states] = statesBefore(y!, undefined, ['forward']);
  expectClose((await observed.get(asked[1]))!.values, gramOf(states!.flatMap((step) => split(step, HIDDEN))));
  const lost = await observeRuns(engine, gatesMoved(1), asked, [{ x }]);
  expect([...lost.unseen.values()]).toEqual(Array(2).fill('the weight is reshaped before it is used'));
});

it('goes through a sequence step by step, with the state that each leaves', async () => {
  const model = handMade({
    nodes: [makeNode('MatMul', ['h_in', 'w'], ['turned']), makeNode('Add', ['turned', 'x'], ['h_out'])],
    weights: { w: [3, 3] },
    inputs: [tensorInfo('x', 'f32', [1, 3]), tensorInfo('h_in', 'f32', [1, 3])],
    outputs: [tensorInfo('h_out', 'f32', [1, 3])],
  });
  const x = [0, 1, 2].map((step) => noise(`x${step}`, [1, 3]));
  const start = noise('start', [1, 3]);
  const steps: Feeds[] = x.map((value, step) => ({ x: value, ...(step === 0 && { h_in: start }) }));
  const { session, close } = await openerOf(engine)(model);
  const states = [start];
  for (const value of x) states.push((await session.run({ x: value, h_in: states.at(-1)! })).h_out!);
  await close();
  const observed = await observeRuns(engine, model, [ofInput('w', 'mean'), ofValue('h_out', 'range')], [steps, steps]);
  const mean = (await observed.get(ofInput('w', 'mean')))!;
  expect(mean.rows).toBe(6);
  const average = (i: number) => states.slice(0, 3).reduce((sum, state) => sum + Number(state.data[i]), 0) / 3;
  expect([...mean.values].map((value, i) => Math.abs(value - average(i)) < 1e-6)).toEqual([true, true, true]);
  const after = states.slice(1).flatMap(({ data }) => Array.from(data, Number));
  expect(await observed.get(ofValue('h_out', 'range'))).toEqual({ min: Math.min(...after), max: Math.max(...after) });
});
