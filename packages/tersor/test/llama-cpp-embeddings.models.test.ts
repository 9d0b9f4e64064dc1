import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root, runNode } from '../../../tools/run.ts';
import { convert } from '../src/convert.ts';
import { installLlamaCpp } from './support/llama-cpp.ts';

const MINILM = join(root, '.cache/fixtures/minilm/model.onnx');

/** What onnxruntime makes of them: fixtures/make-llama-cpp.mjs. */
const EXPECTED: readonly { readonly text: string; readonly tokens: readonly number[]; readonly beginning: readonly number[] }[] =
  JSON.parse(readFileSync(new URL('fixtures/minilm-embeddings.json', import.meta.url), 'utf8'));

const SCRIPT = `
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
const [modelPath, texts] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: 1 });
const model = await llama.loadModel({ modelPath });
const context = await model.createEmbeddingContext({ threads: 1 });
const results = [];
for (const text of JSON.parse(texts)) {
  const { vector } = await context.getEmbeddingFor(text);
  results.push({ tokens: model.tokenize(text), beginning: vector.map((value) => value / Math.hypot(...vector)) });
}
console.log(JSON.stringify(results));
process.exit(0);
`;

/** An encoder, from ONNX and what lies beside it. Needs the fixtures, and npm once. */
describe.skipIf(!existsSync(MINILM) || process.platform !== 'linux')('MiniLM in llama.cpp', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-minilm-'));
  let results: readonly { readonly tokens: readonly number[]; readonly beginning: readonly number[] }[] = [];
  beforeAll(async () => {
    const script = join(await installLlamaCpp(), 'embed.mjs');
    writeFileSync(script, SCRIPT);
    await convert(MINILM, { output: join(folder, 'minilm.gguf') });
    const { status, output, printed } = await runNode(script, [
      join(folder, 'minilm.gguf'),
      JSON.stringify(EXPECTED.map(({ text }) => text)),
    ]);
    expect(status, output).toBe(0);
    results = JSON.parse(printed.trim().split('\n').at(-1) ?? '[]');
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(EXPECTED.map((expected, i) => ({ ...expected, i })))('$text: the same tokens, the same embedding', ({ tokens, beginning, i }) => {
    expect(results[i]?.tokens).toEqual(tokens);
    for (const [at, value] of beginning.entries()) expect(Math.abs((results[i]?.beginning[at] ?? 1) - value)).toBeLessThan(5e-4);
  });
});
