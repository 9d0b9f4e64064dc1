import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import { Tensor } from 'onnxruntime-node';
import { fixture, floats, openSession, type Task } from './task.ts';

const WINDOW = 256;
/** Windows of each text; all of them take minutes. */
const WINDOWS = 24;

/** Perplexity of a small language model over held-out documents, in windows of 256 tokens. */
export const text: Task = {
  id: 'text',
  async score(path) {
    const session = await openSession(path);
    const tokenizer = loadTokenizer();
    let [loss, count] = [0, 0];
    for (const name of ['sotu', 'moby', 'kjv']) {
      const { ids } = tokenizer.encode(readFileSync(fixture(`data/text/test-${name}.txt`), 'utf8').slice(0, WINDOW * WINDOWS * 5));
      for (let start = 0; start + WINDOW <= ids.length && start < WINDOW * WINDOWS; start += WINDOW) {
        const window = ids.slice(start, start + WINDOW);
        const { data, dims } = floats(await session.run(feedsFor(session.inputNames, window)), session.outputNames[0]);
        const classes = dims.at(-1)!;
        for (let t = 0; t + 1 < WINDOW; t++) loss += crossEntropy(data.subarray(t * classes, (t + 1) * classes), window[t + 1]!);
        count += WINDOW - 1;
      }
    }
    await session.release();
    return { perplexity: Math.exp(loss / count) };
  },
};

function loadTokenizer(): Tokenizer {
  const folder = fileURLToPath(new URL('../../.cache/fixtures/lm/', import.meta.url));
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  return new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
}

function feedsFor(names: readonly string[], ids: readonly number[]): Record<string, Tensor> {
  const row = (values: readonly number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  const known: Record<string, Tensor> = {
    input_ids: row(ids),
    attention_mask: row(ids.map(() => 1)),
    position_ids: row(ids.map((_, i) => i)),
  };
  return Object.fromEntries(names.flatMap((name) => (known[name] ? [[name, known[name]]] : [])));
}

function crossEntropy(logits: Float32Array, target: number): number {
  const peak = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return peak + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - peak), 0)) - logits[target]!;
}
