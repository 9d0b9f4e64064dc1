import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { compress } from '../../src/compress.ts';
import { randomFor } from '../../src/core/random.ts';
import { perceptron } from '../support/model-folders.ts';
import { runOn, written } from '../support/runtimes.ts';

const SAMPLES = 80;
const WIDTH = 32;

vi.mock('../../src/evaluate/latency.ts', async (original) => (await import('../support/quick-latency.ts')).quickLatency(original));

let folder = '';
let input = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-evaluation-'));
  input = join(folder, 'model.onnx');
  const bytes = await written(perceptron(WIDTH));
  writeFileSync(input, bytes);
  const random = randomFor(1, 'samples');
  const samples: { x: number[][]; label: number }[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const x = Float32Array.from({ length: WIDTH }, () => random() * 4 - 2);
    const { y = [] } = await runOn('node', bytes, { x: { type: 'float32', shape: [1, WIDTH], data: x } });
    // what the original decides for is right
    samples.push({ x: [Array.from(x)], label: Array.from(y).indexOf(Math.max(...Array.from(y))) });
  }
  writeFileSync(join(folder, 'samples.mjs'), `export default ${JSON.stringify(samples)};`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The module is told the samples, and gives a score for each. */
async function compressBy(name: string, score: string) {
  const module = join(folder, `${name}.mjs`);
  const text = `export default async (session, { samples }) => {
    const scores = [];
    for (const { feeds, labels } of samples) {
      const { y } = await session.run(feeds);
      const decided = y.data.indexOf(Math.max(...y.data));
      scores.push(${score});
    }
    return { ${name}: scores };
  };`;
  writeFileSync(module, text);
  return compress(input, {
    output: join(folder, `${name}.onnx`),
    data: join(folder, 'samples.mjs'),
    samples: SAMPLES,
    eval: module,
    budget: { drop: 0.05, latency: 1000 },
  });
}

it("chooses and proves by a user's measure over the samples: what it looks at decides how small the result is", async () => {
  const strict = await compressBy('right', 'Number(decided === labels[0])');
  const lenient = await compressBy('finite', 'Number(y.data.every(Number.isFinite))');
  expect(strict).toMatchObject({ outcome: 'compressed', quality: { metric: 'right', evidence: 'data', decisions: SAMPLES / 2 } });
  expect(strict.quality?.scores).toMatchObject([{ name: 'right', before: 1 }]);
  expect(strict.quality?.drop).toBeLessThanOrEqual(0.05);
  expect(lenient).toMatchObject({ outcome: 'compressed', quality: { metric: 'finite', drop: 0 } });
  // all at its cheapest, which the other measure does not bear
  expect(lenient.resultBytes).toBeLessThan(0.8 * (strict.resultBytes ?? 0));
});
