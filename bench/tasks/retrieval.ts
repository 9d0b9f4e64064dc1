import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { cosine, fixture, floats, openSession, type Task, type Tensors } from './task.ts';

const MAX_TOKENS = 128;
const BATCH = 32;

/** Sentence embeddings: which of 1,000 passages says the same as the query. Mean pooling, at most 128 tokens. */
export const retrieval: Task = {
  id: 'retrieval',
  async score(path, reference) {
    const pairs = readPairs();
    const queries = await embed(
      path,
      pairs.map(([query]) => query),
    );
    const passages = await embed(
      path,
      pairs.map(([, passage]) => passage),
    );
    const ranks = queries.map((query, i) => {
      const scores = Float32Array.from(passages, (passage) => cosine(query, passage));
      return scores.filter((score) => score > scores[i]!).length + 1;
    });
    const scores = {
      'acc@1': ranks.filter((rank) => rank === 1).length / ranks.length,
      mrr: ranks.reduce((sum, rank) => sum + 1 / rank, 0) / ranks.length,
    };
    if (!reference) return scores;
    const originals = await embed(
      reference,
      pairs.slice(0, 200).map(([query]) => query),
    );
    return { ...scores, cosine: originals.reduce((sum, original, i) => sum + cosine(original, queries[i]!), 0) / originals.length };
  },
};

/** The feeds of the last passages, as one batch: what no score's cosine is taken from. */
export function lastPassages(count: number): Tensors {
  const texts = readPairs().slice(-count);
  return encode(
    loadTokenizer(),
    texts.map(([, passage]) => passage),
  );
}

function readPairs(): [string, string][] {
  const lines = readFileSync(fixture('data/pairs/kjv-bbe-dev.tsv'), 'utf8').trim().split('\n').slice(1);
  return lines.map((line) => {
    const [, query = '', passage = ''] = line.split('\t');
    return [query, passage];
  });
}

/** The feeds of one batch, padded to its longest text. */
function encode(tokenizer: Tokenizer, texts: readonly string[]): Tensors {
  const ids = texts.map((text) => truncate(tokenizer.encode(text).ids));
  const length = Math.max(...ids.map((row) => row.length));
  const fill = (value: (row: readonly number[], position: number) => number) =>
    new Tensor('int64', BigInt64Array.from(ids.flatMap((row) => Array.from({ length }, (_, i) => BigInt(value(row, i))))), [
      ids.length,
      length,
    ]);
  return {
    input_ids: fill((row, i) => row[i] ?? 0),
    attention_mask: fill((row, i) => (i < row.length ? 1 : 0)),
    token_type_ids: fill(() => 0),
  };
}

function loadTokenizer(): Tokenizer {
  const folder = dirname(fileURLToPath(new URL('../../.cache/fixtures/minilm/model.onnx', import.meta.url)));
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  return new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
}

async function embed(path: string, texts: readonly string[]): Promise<Float32Array[]> {
  const session = await openSession(path);
  const tokenizer = loadTokenizer();
  const order = texts.map((_, i) => i).sort((a, b) => texts[a]!.length - texts[b]!.length);
  const embeddings = new Array<Float32Array>(texts.length);
  for (let start = 0; start < order.length; start += BATCH) {
    const batch = order.slice(start, start + BATCH);
    const pooled = await embedBatch(
      session,
      encode(
        tokenizer,
        batch.map((i) => texts[i]!),
      ),
    );
    for (const [row, i] of batch.entries()) embeddings[i] = pooled[row]!;
  }
  await session.release();
  return embeddings;
}

async function embedBatch(session: InferenceSession, feeds: Tensors): Promise<Float32Array[]> {
  const { data, dims } = floats(await session.run(feeds));
  const [rows = 0, length = 0, width = 0] = dims;
  const mask = feeds.attention_mask!.data as BigInt64Array;
  return Array.from({ length: rows }, (_, row) => {
    const mean = new Float32Array(width);
    for (let t = 0; t < length; t++) {
      if (mask[row * length + t] === 0n) continue;
      for (let i = 0; i < width; i++) mean[i]! += data[(row * length + t) * width + i]!;
    }
    return mean;
  });
}

/** Keeps the closing token. */
function truncate(ids: readonly number[]): number[] {
  return ids.length <= MAX_TOKENS ? [...ids] : [...ids.slice(0, MAX_TOKENS - 1), ids.at(-1)!];
}
