import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { locate, type Side } from '../../src/compress/locate.ts';
import type { Engine, Feeds } from '../../src/core/engine.ts';
import { makeNode, type Node } from '../../src/core/graph.ts';
import type { Model } from '../../src/core/model.ts';
import { openEngine } from '../../src/engine/engine-node.ts';
import { onnx } from '../../src/formats/onnx/onnx.ts';
import { graphOf, handMade, tensorInfo } from '../support/hand-made-model.ts';
import { inlineKernels, written } from '../support/runtimes.ts';
import { wrongEngine } from '../support/wrong-engine.ts';

let engine: Engine;
let folder = '';
beforeAll(async () => {
  engine = await openEngine();
  folder = mkdtempSync(join(tmpdir(), 'tersor-locate-'));
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

const X = tensorInfo('x', 'f32', [3, 8]);
const feeds = (extra: Feeds = {}): Feeds => ({
  x: { dtype: 'f32', shape: [3, 8], data: Float32Array.from({ length: 24 }, (_, i) => Math.sin(i * 12.9898) * 2) },
  ...extra,
});

let files = 0;
async function side(name: string, of: Engine, model: Model): Promise<Side> {
  const path = join(folder, `${files++}.onnx`);
  writeFileSync(path, await written(model));
  return { name, engine: of, session: await of.open({ path }), model };
}

async function where(model: Model, wrong: (node: Node) => Node | undefined, given = feeds(), other = model) {
  const [a, b] = [await side('right', engine, model), await side('wrong', wrongEngine(engine, wrong), other)];
  async function* trials() {
    yield { about: 'sample 0', feeds: given };
  }
  const around = { format: onnx, target: 'node', kernels: await inlineKernels } as const;
  const found = await locate(a, b, trials(), 1e-6, around);
  await Promise.all([a.session.close(), b.session.close()]);
  return found;
}

const leaky = (node: Node): Node | undefined =>
  node.op === 'LeakyRelu' ? { ...makeNode('Elu', node.inputs, node.outputs), name: node.name } : undefined;

it('names an operator that a runtime computes wrongly, on random graphs', async () => {
  const step = fc.record({ op: fc.constantFrom('Tanh', 'Add', 'Mul', 'MatMul', 'Softmax', 'Neg', 'Sigmoid'), a: fc.nat(), b: fc.nat() });
  let hits = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), fc.nat(), async (steps, at) => {
      const values = ['x'];
      const nodes = steps.flatMap(({ op, a, b }, i): Node[] => {
        const [left, right] = [values[a % values.length]!, values[b % values.length]!];
        values.push(`v${i}`);
        if (i === at % steps.length) return [makeNode('LeakyRelu', [left], [`v${i}`], { alpha: { float: 0.4 } })];
        return [makeNode(op, op === 'MatMul' ? [left, 'w'] : ['Add', 'Mul'].includes(op) ? [left, right] : [left], [`v${i}`])];
      });
      const culprit = `v${at % steps.length}`;
      const model = handMade({
        nodes: [...nodes, makeNode('Sum', values, ['y'])],
        weights: { w: [8, 8] },
        inputs: [X],
        outputs: [tensorInfo('y', 'f32')],
      });
      const found = await where(model, leaky);
      // where nothing of it reaches the outputs there is nothing to find
      if (!found) return;
      hits += 1;
      expect(found).toMatchObject({ value: culprit, op: 'LeakyRelu', reason: 'error', certain: true, between: ['right', 'wrong'] });
    }),
    { numRuns: Number(process.env.TERSOR_TEST_RUNS ?? 12), seed: Number(process.env.TERSOR_TEST_SEED ?? 4) },
  );
  expect(hits).toBeGreaterThan(3);
}, 300_000);

describe('inside bodies', () => {
  const graph = (
    nodes: Node[],
    inputs: Parameters<typeof graphOf>[0]['inputs'] = [],
    outputs = [tensorInfo(nodes.at(-1)!.outputs[0]!, 'f32')],
  ) => graphOf({ nodes, inputs, outputs });

  it.each([1, 0])('names the branch of an If (%i)', async (which) => {
    const branch = (key: string) =>
      graph([
        makeNode('Tanh', ['h'], [`${key}1`]),
        { ...makeNode('LeakyRelu', [`${key}1`], [`${key}2`], { alpha: { float: 0.4 } }), name: `${key}_leaky` },
        makeNode('Neg', [`${key}2`], [`${key}3`]),
      ]);
    const choice: Node = {
      ...makeNode('If', ['which'], ['chosen']),
      name: 'choice',
      graphs: new Map([
        ['then_branch', branch('t')],
        ['else_branch', branch('e')],
      ]),
    };
    const model = handMade({
      nodes: [
        makeNode('Sigmoid', ['x'], ['h']),
        makeNode('Sub', ['x', 'h'], ['k']),
        {
          ...choice,
          graphs: new Map(
            [...choice.graphs].map(([key, body]) => [
              key,
              { ...body, nodes: body.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => (name === 'h' ? 'k' : name)) })) },
            ]),
          ),
        },
        makeNode('Tanh', ['chosen'], ['y']),
      ],
      weights: {},
      inputs: [X, tensorInfo('which', 'bool', [])],
      outputs: [tensorInfo('y', 'f32')],
    });
    const found = await where(model, leaky, feeds({ which: { dtype: 'bool', shape: [], data: Uint8Array.of(which) } }));
    expect(found).toMatchObject(
      which ? { node: 'choice/then_branch/t_leaky', value: 'choice/then_branch/t2' } : { node: 'choice/else_branch/e_leaky' },
    );
  });

  it('names the body of a Loop and of a Scan', async () => {
    const loop = graph(
      [
        makeNode('Tanh', ['sum'], ['l1']),
        makeNode('LeakyRelu', ['l1'], ['l2'], { alpha: { float: 0.4 } }),
        makeNode('Add', ['l2', 'x'], ['next']),
        makeNode('Identity', ['go'], ['on']),
      ],
      [tensorInfo('i', 'i64', []), tensorInfo('go', 'bool', []), tensorInfo('sum', 'f32', [3, 8])],
      [tensorInfo('on', 'bool', []), tensorInfo('next', 'f32', [3, 8])],
    );
    const looping = handMade({
      nodes: [
        { ...makeNode('Loop', ['times', '', 'x'], ['last']), name: 'around', graphs: new Map([['body', loop]]) },
        makeNode('Neg', ['last'], ['y']),
      ],
      weights: { times: [1n] },
      inputs: [X],
      outputs: [tensorInfo('y', 'f32')],
    });
    expect(await where(looping, leaky)).toMatchObject({ node: 'around/body/l2', op: 'LeakyRelu' });
    const scan = graph(
      [
        makeNode('Neg', ['row'], ['s1']),
        makeNode('LeakyRelu', ['s1'], ['s2'], { alpha: { float: 0.4 } }),
        makeNode('Add', ['state', 's2'], ['next']),
      ],
      [tensorInfo('state', 'f32', [8]), tensorInfo('row', 'f32', [8])],
      [tensorInfo('next', 'f32', [8])],
    );
    const scanning = handMade({
      nodes: [
        makeNode('ReduceMax', ['x'], ['start'], { axes: [0], keepdims: 0 }),
        { ...makeNode('Scan', ['start', 'x'], ['y'], { num_scan_inputs: 1 }), name: 'over', graphs: new Map([['body', scan]]) },
      ],
      weights: {},
      inputs: [X],
      outputs: [tensorInfo('y', 'f32')],
    });
    expect(await where(scanning, leaky)).toMatchObject({ node: 'over/body/s2' });
  });
});

it('finds nothing where both agree, and what became infinite or another shape where that is the reason', async () => {
  const chain = (op: string, extra: readonly string[] = []) =>
    handMade({
      nodes: [
        makeNode('Exp', ['x'], ['a']),
        makeNode(op, ['a', ...extra], ['b']),
        makeNode('Neg', ['b'], ['c']),
        makeNode('Abs', ['c'], ['y']),
      ],
      weights: {
        zero: {
          id: 'zero',
          shape: [1],
          dtype: 'f32',
          layout: { kind: 'dense', dtype: 'f32' },
          load: async () => ({ kind: 'dense', dtype: 'f32', shape: [1], bytes: new Uint8Array(4) }),
        },
      },
      inputs: [X],
      outputs: [tensorInfo('y', 'f32')],
    });
  const same = () => undefined;
  expect(await where(chain('Tanh'), same)).toBeUndefined();
  const infinite = await where(chain('Tanh'), same, feeds(), chain('Div', ['zero']));
  expect(infinite).toMatchObject({ value: 'b', op: 'Div', reason: 'not finite', errorBefore: 0 });
  expect(infinite?.error).toBeUndefined();
  expect(await where(chain('Tanh'), same, feeds(), chain('Transpose'))).toMatchObject({ value: 'b', reason: 'another shape' });
});
