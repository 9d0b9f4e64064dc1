import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { compress } from '../../src/compress.ts';
import type { Asked } from '../../src/core/asked.ts';
import type { Feeds } from '../../src/core/engine.ts';
import { makeNode, type Node } from '../../src/core/graph.ts';
import type { Model } from '../../src/core/model.ts';
import { randomFor } from '../../src/core/random.ts';
import type { Report } from '../../src/core/report.ts';
import { reportPage } from '../../src/report/report-page.ts';
import { floats } from '../support/fp16.ts';
import { handMade, tensorInfo } from '../support/hand-made-model.ts';
import { perceptron } from '../support/model-folders.ts';
import { written } from '../support/runtimes.ts';
import { wrongEngine } from '../support/wrong-engine.ts';

type Bug = (node: Node, model: Model) => Node | undefined;

/** The operators that the runtimes compute wrongly: the one of the target, and the one of the browser. */
const bugs = vi.hoisted((): { here: Bug; there: Bug } => ({ here: () => undefined, there: () => undefined }));

vi.mock('../../src/engine/engine-node.ts', async (original) => {
  const { openEngine, ...rest } = await original<typeof import('../../src/engine/engine-node.ts')>();
  return { ...rest, openEngine: async (options = {}) => wrongEngine(await openEngine(options), (node, model) => bugs.here(node, model)) };
});
// what a browser would answer, without one
vi.mock('../../src/engine/engine-browser-node.ts', async () => {
  const { openEngine } = await vi.importActual<typeof import('../../src/engine/engine-node.ts')>('../../src/engine/engine-node.ts');
  return { openBrowserEngine: async () => wrongEngine(await openEngine({ target: 'wasm' }), (node, model) => bugs.there(node, model)) };
});

vi.mock('../../src/evaluate/latency.ts', async (original) => (await import('../support/quick-latency.ts')).quickLatency(original));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-bug-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  Object.assign(bugs, { here: () => undefined, there: () => undefined });
});

const dataOf = (shape: readonly number[], scale = 1): Feeds[] =>
  Array.from({ length: 8 }, (_, seed) => {
    const random = randomFor(seed, 'planted');
    const count = shape.reduce((product, size) => product * size, 1);
    return { x: { dtype: 'f32', shape, data: Float32Array.from({ length: count }, () => (random() * 4 - 2) * scale) } };
  });

async function run(model: Model, data: readonly Feeds[], asked: Asked): Promise<Report> {
  const input = join(folder, 'model.onnx');
  writeFileSync(input, await written(model));
  // these models run for microseconds: the ratio of their times is noise
  return compress(input, { output: join(folder, 'small.onnx'), data, budget: { drop: 0.02, latency: 1000 }, cache: false, ...asked });
}

const small = (asked: Asked) => run(perceptron(), dataOf([4, 32]), asked);
const rtn = (options = {}) => ({ version: 1 as const, steps: [{ use: 'rtn', minimum: 1, ...options }] });

/** Codes times scales, but plus: what decodes this weight is wrong, where it becomes floats and where it stays small. */
const decodesWrongly =
  (weight: string): Bug =>
  (node, { graph }) => {
    const [output = ''] = node.outputs;
    const isScale = graph?.nodes.some(({ op, inputs }) => op === 'MatMulNBits' && inputs[1] === weight && inputs[2] === output);
    return node.op === 'Mul' && (output === weight || isScale) ? renamed(node, 'Add') : undefined;
  };

const renamed = ({ inputs, outputs, name }: Node, op: string): Node => ({ ...makeNode(op, inputs, outputs), name });

async function expectRepaired(report: Report, kept: string, again: Asked = { verify: false }): Promise<void> {
  expect(report).toMatchObject({ outcome: 'compressed', repairs: [{ kept: [kept] }] });
  expect(report.divergence).toBeUndefined();
  expect(report.quality?.drop).toBeLessThan(0.02);
  expect(report.weights.filter(({ after }) => after === 'f32').map(({ id }) => id)).toEqual([kept]);
  // what was mended is in the recipe, and in the report as it is looked at
  const output = join(folder, 'again.onnx');
  await compress(join(folder, 'model.onnx'), { output, recipe: report.recipe, ...again });
  expect(readFileSync(output).equals(readFileSync(join(folder, 'small.onnx')))).toBe(true);
  expect(reportPage(report)).toContain(report.repairs?.[0]?.because);
}

describe('an operator that the runtime computes wrongly', () => {
  it('is located to its node, and the layer it decodes left as it was', async () => {
    bugs.here = decodesWrongly('first');
    const report = await small({ recipe: rtn() });
    await expectRepaired(report, 'first');
    expect(report.repairs?.[0]?.because).toMatch(/^hidden \(MatMul\) was off by \d+ %$/);
    expect(report.runtimes).toMatchObject([{ status: 'verified', name: expect.stringContaining('with a bug') }]);
  });

  it('is not looked for in layers that are off by what rounding them to so few bits explains', async () => {
    const report = await small({ recipe: rtn({ bits: 2, block: 16 }), keep: true });
    expect(report.quality?.drop).toBeGreaterThan(0.04);
    expect(report.outcome).toBe('missed');
    expect(report.repairs ?? []).toEqual([]);
    expect(report.weights.filter(({ after }) => after === 'f32')).toEqual([]);
  });

  it('is found in what the search came to, too', async () => {
    bugs.here = decodesWrongly('first');
    const report = await small({});
    // replayed in a runtime without the bug, with what its steps have to see
    bugs.here = () => undefined;
    await expectRepaired(report, 'first', { data: dataOf([4, 32]), cache: false });
    // mended, it is none of what the search measured; it is on the front all the same
    expect(report.front?.filter(({ chosen }) => chosen)).toEqual([{ bytes: report.resultBytes, drop: report.quality?.drop, chosen: true }]);
  });

  it('is in the report where nothing is to be mended, and the result is not left behind', async () => {
    bugs.here = decodesWrongly('first');
    const report = await small({ recipe: rtn(), repair: false });
    expect(report).toMatchObject({ outcome: 'missed', divergence: { node: 'hidden', op: 'MatMul', reason: 'error', certain: true } });
    expect(report.divergence?.errorBefore).toBe(0);
    expect(report.output).toBeUndefined();
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(reportPage(report)).toContain('hidden');
  });

  it.each([
    ['what is a weight of the original', {}, /^first \(Mul\) was off by \d+ %$/],
    ['what has no name there', { bits: 8, block: 32, execution: 'weight-only' }, /^_\d+ \(Mul\) was off by [\de+]+ %$/],
  ])('in the browser alone is repaired, too: %s', async (_, options, because) => {
    bugs.there = decodesWrongly('first');
    const report = await small({ recipe: rtn(options), browser: true });
    await expectRepaired(report, 'first');
    expect(report.repairs?.[0]?.because).toMatch(because);
    expect(report.runtimes).toMatchObject([{ status: 'verified' }, { status: 'verified', name: expect.stringContaining('with a bug') }]);
  });

  it('that the original has in the browser, too, says nothing about the result', async () => {
    bugs.there = (node) => (node.op === 'Tanh' ? renamed(node, 'Sigmoid') : undefined);
    const report = await small({ recipe: rtn(), browser: true });
    expect(report.repairs).toBeUndefined();
    expect(report.runtimes).toMatchObject([
      { status: 'verified' },
      { status: 'failed', message: expect.stringContaining('computes the original itself differently, from active (Tanh) on') },
    ]);
    expect(report.divergence).toMatchObject({ node: 'active', op: 'Tanh', errorBefore: expect.any(Number) });
  });
});

it('halves that overflow inside an operator, where no activation shows it, are mended after the proof and proven again', async () => {
  const model = handMade({
    nodes: [
      makeNode('MatMul', ['x', 'w1'], ['quiet']),
      makeNode('Mul', ['quiet', 'gain'], ['louder']),
      makeNode('Tanh', ['louder'], ['calm']),
      makeNode('MatMul', ['calm', 'w2'], ['y']),
    ],
    weights: { w1: [64, 64], w2: [64, 8], gain: floats('gain', [500]) },
    inputs: [tensorInfo('x', 'f32', [4, 64])],
    outputs: [tensorInfo('y', 'f32', [4, 8])],
  });
  // on halves, this runtime goes through powers, and overflows
  bugs.here = (node, { weights }) =>
    node.outputs[0] === 'louder' && weights.get('gain')?.dtype === 'f16' ? renamed(node, 'Pow') : undefined;
  const recipe = { version: 1 as const, steps: [{ use: 'fp16' }] };
  const data = dataOf([4, 64], 1e-2);
  const report = await run(model, data, { recipe });
  expect(report).toMatchObject({ outcome: 'compressed', repairs: [{ step: 0, use: 'fp16' }] });
  expect(report.repairs?.[0]?.because).toMatch(/^louder \(\w+\) was (not finite|off by \d+ %)$/);
  expect(report.recipe.steps[0]?.keep).toEqual(report.repairs?.[0]?.kept);
  expect(report.recipe.steps[0]?.keep).toContain('louder');
  expect(report.quality?.drop).toBeLessThan(1e-3);
  expect(report.divergence).toBeUndefined();
  const left = await run(model, data, { recipe, repair: false, output: join(folder, 'letter.onnx') });
  expect(left).toMatchObject({ outcome: 'missed', divergence: { node: 'louder' } });
});
