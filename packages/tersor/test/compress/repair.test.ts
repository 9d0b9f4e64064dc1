import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compare } from '../../src/compare.ts';
import { compress } from '../../src/compress.ts';
import type { Feeds } from '../../src/core/engine.ts';
import { makeNode } from '../../src/core/graph.ts';
import type { Model } from '../../src/core/model.ts';
import { randomFor } from '../../src/core/random.ts';
import { divergenceText } from '../../src/core/text/divergence-text.ts';
import { floats } from '../support/fp16.ts';
import { handMade, tensorInfo } from '../support/hand-made-model.ts';
import { written } from '../support/runtimes.ts';

/** Each weight is small; what they make of one another is not, until it is brought down again. */
function loud(last: 'Mul' | 'Div'): Model {
  return handMade({
    nodes: [
      makeNode('MatMul', ['x', 'w1'], ['quiet']),
      makeNode('Mul', ['quiet', 'gain'], ['louder']),
      makeNode('Mul', ['louder', 'gain'], ['loud']),
      makeNode('Reshape', ['loud', 'wide'], ['loudness']),
      makeNode(last, ['loudness', 'less'], ['calm']),
      makeNode('Reshape', ['calm', 'narrow'], ['settled']),
      makeNode('MatMul', ['settled', 'w2'], ['y']),
    ],
    weights: { wide: [2n, 128n], narrow: [4n, 64n], w1: [64, 64], w2: [64, 8], gain: floats('gain', [500]), less: floats('less', [1e-5]) },
    inputs: [tensorInfo('x', 'f32', [4, 64])],
    outputs: [tensorInfo('y', 'f32', [4, 8])],
  });
}

let folder = '';
let input = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-repair-'));
  input = join(folder, 'loud.onnx');
  writeFileSync(input, await written(loud('Mul')));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const data = (): Feeds[] =>
  Array.from({ length: 8 }, (_, seed) => {
    const random = randomFor(seed, 'sound');
    return { x: { dtype: 'f32', shape: [4, 64], data: Float32Array.from({ length: 256 }, () => random() * 4 - 2) } };
  });
const asked = (name: string, more = {}) => ({
  output: join(folder, name),
  data: data(),
  recipe: { version: 1 as const, steps: [{ use: 'fp16' }] },
  ...more,
});

it('catches activations that a half cannot hold before they overflow, repairs, says so, and writes it into the recipe', async () => {
  const report = await compress(input, asked('loud.min.onnx'));
  expect(report.outcome).toBe('compressed');
  expect(report.quality?.drop).toBeLessThan(1e-3);
  expect(report.divergence).toBeUndefined();
  expect(report.repairs).toMatchObject([
    { step: 0, use: 'fp16', because: expect.stringMatching(/^activations reach \d.*e\+\d on the inputs, and a half ends at 65504$/) },
  ]);
  const [step] = report.recipe.steps;
  expect(step?.keep).toEqual(expect.arrayContaining(['loud', 'loudness', 'calm']));
  expect(step?.keep).not.toContain('quiet');
  const again = await compress(input, { output: join(folder, 'again.onnx'), recipe: report.recipe, verify: false });
  expect(again.repairs).toBeUndefined();
  expect(readFileSync(join(folder, 'again.onnx')).equals(readFileSync(join(folder, 'loud.min.onnx')))).toBe(true);
});

it('only says so where the recipe is to be followed to the letter; the native runtime, which computes halves in 32-bit floats, would not show it', async () => {
  const report = await compress(input, asked('letter.onnx', { repair: false }));
  expect(report.repairs).toBeUndefined();
  expect(report.recipe.steps[0]?.keep).toEqual([]);
  expect(report.skipped.find(({ about }) => about === 'loud')?.message).toMatch(
    /a half ends at 65504; nothing was done about it \(--no-repair\)/,
  );
});

it('names the operator that makes the outputs of a file wrong, in a comparison too', async () => {
  const wrong = join(folder, 'wrong.onnx');
  writeFileSync(wrong, await written(loud('Div')));
  const { divergence, quality } = await compare(input, wrong, { data: data() });
  expect(quality?.drop).toBeGreaterThan(0.1);
  expect(divergence).toMatchObject({ value: 'calm', op: 'Div', reason: 'error', certain: true, errorBefore: 0 });
  expect(divergence?.between).toEqual([
    expect.stringMatching(/^the original on onnxruntime/),
    expect.stringMatching(/^the result on onnxruntime/),
  ]);
  expect(divergenceText(divergence!)[0]).toMatch(/^first diverging node: calm \(Div\): error \S+ %, 0 % before it$/);
});
