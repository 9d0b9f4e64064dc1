import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runNode } from '../../../tools/run.ts';
import { convert } from '../src/convert.ts';
import { RECORDED_MODELS, recordedModel, writeRecorded } from './support/architectures.ts';
import { installLlamaCpp } from './support/llama-cpp.ts';

/** What llama.cpp takes to follow each token. */
const SCRIPT = `
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
const [tokens, ...paths] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: 1 });
const options = { temperature: 1, topK: 0, topP: 1, minP: 0 };
const results = [];
for (const modelPath of paths) {
  const model = await llama.loadModel({ modelPath });
  // as floats: the cache rounds keys and values to 16 bits otherwise
  const kinds = { experimentalKvCacheKeyType: 'F32', experimentalKvCacheValueType: 'F32' };
  const context = await model.createContext({ contextSize: 64, threads: 1, flashAttention: false, ...kinds });
  const input = JSON.parse(tokens).map((token) => [token, { generateNext: { probabilities: true, options } }]);
  const found = await context.getSequence().controlledEvaluate(input);
  results.push(found.map(({ next }) => [...next.probabilities]));
  await model.dispose();
}
console.log(JSON.stringify(results));
process.exit(0);
`;

/** Most that the logarithm of a probability may differ: what was recorded has five digits. ggml looks up GELU in a table of 16-bit floats. */
const BOUND = 2e-5;
const BOUND_WITH_GELU = 5e-3;

/** Needs npm once. */
describe.skipIf(process.platform !== 'linux')('llama.cpp computes what transformers does', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-llama-'));
  const { tokens } = recordedModel('llama');
  let results: readonly (readonly (readonly (readonly [token: number, probability: number])[])[])[] = [];

  beforeAll(async () => {
    const script = join(await installLlamaCpp(), 'follow.mjs');
    writeFileSync(script, SCRIPT);
    const paths = RECORDED_MODELS.map((name) => join(folder, `${name}.gguf`));
    for (const [i, name] of RECORDED_MODELS.entries()) {
      // llama.cpp looks for tokens of Phi-3 in what is called so
      await writeRecorded(join(folder, name, 'tiny'), recordedModel(name));
      await convert(join(folder, name, 'tiny'), { output: paths[i] ?? '' });
    }
    const { status, output, printed } = await runNode(script, [JSON.stringify(tokens), ...paths]);
    expect(status, output).toBe(0);
    results = JSON.parse(printed.trim().split('\n').at(-1) ?? '[]');
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(RECORDED_MODELS)('with %s', (name) => {
    const differences = recordedModel(name).logits.map((logits, at) => {
      const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0));
      const found = new Map(results[RECORDED_MODELS.indexOf(name)]?.[at]);
      expect(found.size).toBe(logits.length);
      return Math.max(...logits.map((logit, token) => Math.abs(logit - sum - Math.log(found.get(token) ?? 0))));
    });
    expect(Math.max(...differences)).toBeLessThan(/^(gemma|gpt)/.test(name) ? BOUND_WITH_GELU : BOUND);
  });
});
