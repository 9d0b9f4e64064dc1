/** Opens damaged copies of real models for as long as you like: npm run fuzz -- --inputs 100000 --seed 7 */
import { parseArgs } from 'node:util';
import { fuzzOnnx } from '../packages/tersor/test/fuzz/fuzz-onnx.ts';
import { onnxSeeds } from '../packages/tersor/test/fuzz/seeds.ts';
import { fail } from './run.ts';

const { values } = parseArgs({ options: { inputs: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } } });
const [inputs, seed] = [Number(values.inputs), Number(values.seed)];
if (!Number.isInteger(inputs) || inputs < 1 || !Number.isInteger(seed)) fail('usage: npm run fuzz -- [--inputs 20000] [--seed 1]');

const start = performance.now();
const { outcomes, slowestMs, mostBytes } = await fuzzOnnx({
  inputs,
  seed,
  ...onnxSeeds(),
  onProgress: (done) => {
    if (done % 2000 === 0) console.error(`${done} of ${inputs} inputs, ${((performance.now() - start) / 1000).toFixed(0)} s`);
  },
});
console.log(JSON.stringify({ inputs, seed, outcomes, slowestMs: Math.round(slowestMs), mostMB: Math.round(mostBytes / 1e6) }));
if (mostBytes > 64e6) fail(`one input took ${Math.round(mostBytes / 1e6)} MB beyond its size; 64 are allowed`);
