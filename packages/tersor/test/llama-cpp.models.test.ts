import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root, runNode } from '../../../tools/run.ts';
import { compress } from '../src/compress.ts';
import { convert } from '../src/convert.ts';
import { installLlamaCpp } from './support/llama-cpp.ts';

const FIXTURES = process.env.TERSOR_FIXTURES ?? join(root, '../shared/fixtures');
const LM = join(FIXTURES, 'models/lm');
const LM_SAFETENSORS = join(LM, 'model.safetensors');
const TEXT = join(FIXTURES, 'data/text/test-sotu.txt');
/** What the source says, as onnxruntime computes it: fixtures/make-llama-cpp.mjs. */
const GREEDY: readonly Greedy[] = JSON.parse(readFileSync(new URL('fixtures/lm-greedy.json', import.meta.url), 'utf8'));

interface Greedy {
  readonly prompt: string;
  readonly tokens: readonly number[];
  readonly next: readonly number[];
}

/**
 * One thread, for several wait for each other by spinning. What llama.cpp makes of every file: how it goes on after some texts, and how far its predictions
 * along 128 tokens are from the first file's.
 */
const SCRIPT = `
import { readFileSync } from 'node:fs';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
const [text, prompts, ...paths] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: 1 });
const plain = { temperature: 1, topK: 0, topP: 1, minP: 0 };
let reference;
const results = [];
for (const modelPath of paths) {
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 512, sequences: 2, threads: 1 });
  const tokens = model.tokenize(readFileSync(text, 'utf8').slice(0, 4000)).slice(0, 129);
  const greedy = [];
  for (const prompt of JSON.parse(prompts)) {
    const sequence = context.getSequence();
    const [tokens, next] = [model.tokenize(prompt), []];
    for await (const token of sequence.evaluate(tokens, { temperature: 0 })) {
      next.push(token);
      if (next.length === 32) break;
    }
    sequence.dispose();
    greedy.push({ prompt, tokens, next });
  }
  const input = tokens.slice(0, -1).map((token) => [token, { generateNext: { probabilities: true, options: plain } }]);
  const predictions = (await context.getSequence().controlledEvaluate(input)).map(({ next }) => next.probabilities);
  reference ??= predictions;
  const mean = (term) => predictions.reduce((sum, p, i) => sum + term(p, i), 0) / predictions.length;
  const perplexity = Math.exp(mean((p, i) => -Math.log(p.get(tokens[i + 1]) ?? 1e-9)));
  const divergence = mean((p, i) => [...reference[i]].reduce((sum, [token, q]) => sum + (q > 0 ? q * Math.log(q / (p.get(token) || 1e-9)) : 0), 0));
  results.push({ greedy, perplexity, divergence });
  await model.dispose();
}
console.log(JSON.stringify(results));
process.exit(0);
`;

interface Result {
  readonly greedy: readonly Greedy[];
  readonly perplexity: number;
  readonly divergence: number;
}

/** Most that a type may differ from 32-bit floats, in nats of Kullback-Leibler divergence: twice what was measured on the small language model of the fixtures, without importances. Ternary types are for models that were trained so. */
const LIMITS = {
  F16: 1e-5,
  BF16: 4e-5,
  Q8_0: 4e-4,
  Q6_K: 0.002,
  Q5_K_M: 0.003,
  Q5_K_S: 0.003,
  Q5_1: 0.0025,
  Q5_0: 0.003,
  Q4_K_M: 0.007,
  Q4_K_S: 0.006,
  Q4_1: 0.006,
  Q4_0: 0.0075,
  IQ4_NL: 0.007,
  IQ4_XS: 0.008,
  Q3_K_L: 0.012,
  Q3_K_M: 0.0125,
  Q3_K_S: 0.021,
  Q2_K: 0.05,
  IQ3_M: 0.02,
  IQ3_S: 0.023,
  IQ3_XS: 0.028,
  IQ3_XXS: 0.031,
  IQ2_M: 0.055,
  IQ2_S: 0.1,
  IQ2_XS: 0.15,
  IQ2_XXS: 0.22,
  IQ1_M: 0.43,
  IQ1_S: 0.52,
  TQ2_0: 1,
  TQ1_0: 1,
  MXFP4: 0.08,
} as const;

/** llama.cpp's mix of the name MXFP4_MOE gives that type to experts alone: here every matrix gets it. */
const MATRICES = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down', 'token_embd'];
const IN_MXFP4 = { use: 'gguf', type: 'MXFP4_MOE', tensor: MATRICES.map((name) => `${name}.weight=MXFP4`) };

/** Every type that is written, in the runtime it is for. Needs the fixtures, and npm once. */
describe.skipIf(!existsSync(LM) || process.platform !== 'linux')('llama.cpp', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-llama-'));
  const types = Object.keys(LIMITS) as (keyof typeof LIMITS)[];
  const paths = ['F32', ...types].map((type) => join(folder, `${type}.gguf`));
  let results: readonly Result[] = [];

  beforeAll(async () => {
    const script = join(await installLlamaCpp(), 'predict.mjs');
    writeFileSync(script, SCRIPT);
    await convert(LM_SAFETENSORS, { output: paths[0] ?? '' });
    for (const [i, type] of types.entries()) {
      const recipe = { version: 1 as const, steps: [type === 'MXFP4' ? IN_MXFP4 : { use: 'gguf', type }] };
      expect(await compress(paths[0] ?? '', { output: paths[i + 1] ?? '', recipe })).toMatchObject({ outcome: 'compressed' });
    }
    const { status, output, printed } = await runNode(script, [TEXT, JSON.stringify(GREEDY.map(({ prompt }) => prompt)), ...paths]);
    expect(status, output).toBe(0);
    results = JSON.parse(printed.trim().split('\n').at(-1) ?? '[]');
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('reads what was written as it was meant', () => {
    expect(results[0]?.perplexity).toBeLessThan(70);
    expect(results[0]?.greedy).toEqual(GREEDY);
  });

  it.each(types)('%s: loads, generates, and predicts as before', (type) => {
    const result = results[types.indexOf(type) + 1];
    expect(result?.divergence).toBeLessThan(LIMITS[type]);
    expect(result?.greedy.every(({ next }) => next.length === 32)).toBe(true);
    if (type === 'F16') expect(result?.greedy).toEqual(GREEDY);
  });
});
