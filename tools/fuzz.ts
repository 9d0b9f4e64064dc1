/** Opens damaged copies of real models for as long as you like: npm run fuzz -- --format gguf --inputs 100000 --seed 7 */
import { parseArgs } from 'node:util';
import { fuzz } from '../packages/tersor/test/fuzz/fuzz.ts';
import { ggufSeeds, onnxSeeds, safetensorsSeeds } from '../packages/tersor/test/fuzz/seeds.ts';
import { GGUF, ONNX, SAFETENSORS } from '../packages/tersor/test/fuzz/subjects.ts';
import { fail } from './run.ts';

const FORMATS = new Map([
  ['onnx', { subject: ONNX, seeds: onnxSeeds }],
  ['gguf', { subject: GGUF, seeds: ggufSeeds }],
  ['safetensors', { subject: SAFETENSORS, seeds: safetensorsSeeds }],
]);

const text = (otherwise: string) => ({ type: 'string', default: otherwise }) as const;
const { values } = parseArgs({ options: { format: text('onnx'), inputs: text('20000'), seed: text('1') } });
const [inputs, seed, format] = [Number(values.inputs), Number(values.seed), FORMATS.get(values.format)];
if (!format || !Number.isInteger(inputs) || inputs < 1 || !Number.isInteger(seed))
  fail(`usage: npm run fuzz -- [--format ${[...FORMATS.keys()].join('|')}] [--inputs 20000] [--seed 1]`);

const start = performance.now();
const { outcomes, slowestMs, mostBytes } = await fuzz(format.subject, {
  inputs,
  seed,
  ...format.seeds(),
  onProgress: (done) => {
    if (done % 2000 === 0) console.error(`${done} of ${inputs} inputs, ${((performance.now() - start) / 1000).toFixed(0)} s`);
  },
});
console.log(
  JSON.stringify({ format: values.format, inputs, seed, outcomes, slowestMs: Math.round(slowestMs), mostMB: Math.round(mostBytes / 1e6) }),
);
if (mostBytes > 64e6) fail(`one input took ${Math.round(mostBytes / 1e6)} MB beyond its size; 64 are allowed`);
