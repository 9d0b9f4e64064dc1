import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { applySteps, type Surroundings } from '../../src/compress/apply.ts';
import { openRunner, type Runner } from '../../src/compress/runner.ts';
import { decode, denseOf } from '../../src/core/decode.ts';
import type { Engine } from '../../src/core/engine.ts';
import { makeNode, type Node } from '../../src/core/graph.ts';
import { type Declaration, defineMethod, type Method } from '../../src/core/method.ts';
import { type Model, mapWeights, withGraph } from '../../src/core/model.ts';
import { keyOf, type Observation, ofInput } from '../../src/core/observation.ts';
import { randomFor } from '../../src/core/random.ts';
import type { Sample, Samples } from '../../src/core/samples.ts';
import { openEngine } from '../../src/engine/engine-node.ts';
import { onnx } from '../../src/formats/onnx/onnx.ts';
import { handMade, tensorInfo } from '../support/hand-made-model.ts';
import { inlineKernels } from '../support/runtimes.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.close());

const WIDTH = 6;
const LAYERS = ['w0', 'w1', 'w2', 'w3'];

/** A stack of residual layers. */
function stack(): Model {
  const nodes = LAYERS.flatMap((weight, i): Node[] => [
    makeNode('MatMul', [i === 0 ? 'x' : `y${i - 1}`, weight], [`m${i}`]),
    makeNode('Relu', [`m${i}`], [`r${i}`]),
    makeNode('Add', [`r${i}`, i === 0 ? 'x' : `y${i - 1}`], [`y${i}`]),
  ]);
  return handMade({
    nodes,
    weights: Object.fromEntries(LAYERS.map((name) => [name, [WIDTH, WIDTH]])),
    inputs: [tensorInfo('x', 'f32', ['n', WIDTH])],
    outputs: [tensorInfo('y3', 'f32')],
  });
}

const samples = [0, 1, 2].map((i): Sample => {
  const random = randomFor(i, 'x');
  return {
    id: `${i}`,
    steps: [{ x: { dtype: 'f32', shape: [4, WIDTH], data: Float32Array.from({ length: 4 * WIDTH }, () => random() - 0.3) } }],
  };
});

interface Seen {
  readonly runner: Runner;
  /** What was asked for in each pass. */
  readonly passes: string[][];
}

async function watched(): Promise<Seen> {
  const passes: string[][] = [];
  const runner = openRunner(engine, inAll(samples), true, { format: onnx, target: 'node', kernels: await inlineKernels });
  const observe: Runner['observe'] = (model, observations, ...rest) => {
    passes.push(observations.map(keyOf));
    return runner.observe(model, observations, ...rest);
  };
  return { runner: { ...runner, observe }, passes };
}

const inAll = (some: readonly Sample[]): Samples => ({ evidence: 'data', source: 'made', samples: some, notes: [] });
const about = { family: 'quantize', summary: '', source: '', options: {}, changes: 'values', loss: 'data-dependent' } as const;

/** Scales each layer's weight by the mean square of its input; keeps what it saw. */
function scaling(seen: Map<string, number>, more: Partial<Method> = {}): Method {
  return defineMethod({
    ...about,
    id: 'scale',
    needs: (_, __, scope) => scope.map(({ weight }) => ofInput(weight.id, 'mean-square')),
    async apply(model, _, { scope, observed }) {
      const chosen = new Set(scope.map(({ weight }) => weight.id));
      return mapWeights(model, (weight) => {
        if (!chosen.has(weight.id)) return undefined;
        const load = async () => {
          const { values = [0] } = (await observed(ofInput(weight.id, 'mean-square'))) ?? {};
          const [power = 0] = values;
          seen.set(weight.id, power);
          return denseOf(
            decode(await weight.load()).map((value) => value * power),
            weight.shape,
          );
        };
        return { ...weight, load };
      });
    },
    ...more,
  });
}

const blind = defineMethod({ ...about, id: 'blind', apply: async (model) => ({ ...model }) });
const regraph = defineMethod({
  ...about,
  id: 'regraph',
  changes: 'graph',
  apply: async (model) => (model.graph ? withGraph(model, { ...model.graph, name: 'other' }) : model),
});

async function surroundings(methods: readonly Method[], runner?: Runner): Promise<Surroundings> {
  const declared = methods.map((method): [string, Declaration] => [method.id, { ...method, load: async () => method }]);
  return { kernels: await inlineKernels, note: () => {}, seed: 0, methods: Object.fromEntries(declared), ...(runner && { runner }) };
}

const need = (id: string) => keyOf(ofInput(id, 'mean-square'));
const loadAll = async (model: Model) => {
  for (const weight of model.weights.values()) await weight.load();
};

it('observes once for steps behind one another on different layers, and not before a weight is asked for', async () => {
  const { runner, passes } = await watched();
  const around = await surroundings([scaling(new Map())], runner);
  const result = await applySteps(
    stack(),
    [
      { use: 'scale', where: [{ name: 'w0' }] },
      { use: 'scale', where: [{ name: 'w1' }, { name: 'w3' }] },
    ],
    around,
  );
  expect(passes).toEqual([]);
  await loadAll(result);
  expect(passes).toEqual([[need('w0'), need('w1'), need('w3')]]);
});

it('observes again where something changed that has to be seen', async () => {
  const { runner, passes } = await watched();
  const seen = new Map<string, number>();
  const around = await surroundings([scaling(seen), regraph, blind], runner);
  const scale = (name: string) => ({ use: 'scale', where: [{ name }] });
  await loadAll(await applySteps(stack(), [scale('w0'), { use: 'regraph' }, scale('w1'), scale('w1')], around));
  expect(passes.map((pass) => pass.join()).sort()).toEqual([need('w0'), need('w1'), need('w1')]);
  passes.length = 0;
  await loadAll(await applySteps(stack(), [{ use: 'blind' }, { use: 'regraph' }], around));
  expect(passes).toEqual([]);
});

it('plans without running anything, and says so where values are wanted all the same', async () => {
  const planned = await applySteps(stack(), [{ use: 'scale' }], await surroundings([scaling(new Map())]));
  expect([...planned.weights.keys()]).toEqual(LAYERS);
  await expect(planned.weights.get('w0')?.load()).rejects.toMatchObject({ code: 'USAGE', where: 'steps[0] scale' });
});

it('alternates observing and changing block by block, where a method is sequential', async () => {
  const { runner, passes } = await watched();
  const seen = new Map<string, number>();
  const around = await surroundings([scaling(seen, { sequential: true })], runner);
  const result = await applySteps(stack(), [{ use: 'scale' }], around);
  expect(passes).toEqual(LAYERS.map((id) => [need(id)]));
  expect([...seen.keys()]).toEqual(LAYERS.slice(0, -1)); // what the last block becomes feeds nothing
  await loadAll(result);
  expect([...seen.keys()]).toEqual(LAYERS);

  // each layer saw what flows through the result: all before it had changed already
  const observations: Observation<'mean-square'>[] = LAYERS.map((id) => ofInput(id, 'mean-square'));
  const [after, before] = [await runner.observe(result, observations), await runner.observe(stack(), observations)];
  for (const [i, observation] of observations.entries()) {
    const power = (await after.get(observation))!.values[0]!;
    expect(Math.abs(seen.get(LAYERS[i]!)! / power - 1)).toBeLessThan(1e-5);
    if (i > 0) expect(Math.abs(power / (await before.get(observation))!.values[0]! - 1)).toBeGreaterThan(0.01);
  }
});

it('sees the same where a model with state has to run as a whole', async () => {
  const { runner } = await watched();
  const [apart, whole] = [new Map<string, number>(), new Map<string, number>()];
  await loadAll(await applySteps(stack(), [{ use: 'scale' }], await surroundings([scaling(apart, { sequential: true })], runner)));
  const around = await surroundings([scaling(whole, { sequential: true })], { ...runner, isStateless: false });
  await loadAll(await applySteps(stack(), [{ use: 'scale' }], around));
  expect([...whole.keys()]).toEqual(LAYERS);
  for (const [id, power] of whole) expect(Math.abs(power / apart.get(id)! - 1)).toBeLessThan(1e-5);
});

it('remembers what was observed of the same model on the same samples, in the next run too', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'tersor-observed-'));
  try {
    const runs: number[] = [];
    const counting: Engine = {
      ...engine,
      fold(...args) {
        runs.push(1);
        return engine.fold(...args);
      },
    };
    const around = { format: onnx, target: 'node' as const, kernels: await inlineKernels, cache };
    const observed = async (model: Model, some: readonly Sample[], ...ids: string[]) => {
      runs.length = 0;
      const runner = openRunner(counting, inAll(some), true, around);
      const found = await runner.observe(
        model,
        ids.map((id) => ofInput(id, 'mean-square')),
      );
      return { values: await Promise.all(ids.map((id) => found.get(ofInput(id, 'mean-square')))), runs: runs.length };
    };
    const first = await observed(stack(), samples, 'w1');
    expect(first.runs).toBe(3);
    expect(await observed(stack(), samples, 'w1')).toEqual({ ...first, runs: 0 });
    const more = await observed(stack(), samples, 'w1', 'w2');
    expect([more.values[0], more.runs]).toEqual([first.values[0], 3]);
    expect((await observed(stack(), samples.slice(1), 'w1')).runs).toBe(2);
    const changed = mapWeights(stack(), (weight) => ({
      ...weight,
      load: async () =>
        denseOf(
          decode(await weight.load()).map((value) => value * 2),
          weight.shape,
        ),
    }));
    expect((await observed(changed, samples, 'w1')).runs).toBe(3);
  } finally {
    rmSync(cache, { recursive: true });
  }
});
