import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { randomFor } from '../../packages/tersor/src/core/random.ts';
import { cosine, fixture, floats, lost, mean, once, openSession, type Task, type Tensors } from './task.ts';

const MAX_TOKENS = 128;
const BATCH = 32;

/** Texts to choose by. */
const CHOSEN = 256;

/**
 * Sentence embeddings: which of 1,000 passages says the same as the query; against the original, the mean cosine of all 2,000 embeddings. Mean pooling,
 * at most 128 tokens. Pairs are for proving alone: other texts are there to choose by.
 */
export const retrieval: Task = {
  id: 'retrieval',
  async score(path, reference) {
    const pairs = readPairs();
    const embeddings = path === reference ? await embedOriginal(path) : await embed(path, textsOf(pairs));
    const originals = await embedOriginal(reference);
    const passages = embeddings.slice(pairs.length);
    const ranks = embeddings.slice(0, pairs.length).map((query, i) => {
      const scores = Float32Array.from(passages, (passage) => cosine(query, passage));
      return scores.filter((score) => score > scores[i]!).length + 1;
    });
    return {
      'acc@1': mean(ranks.map((rank) => (rank === 1 ? 1 : 0))),
      mrr: mean(ranks.map((rank) => 1 / rank)),
      cosine: mean(embeddings.map((embedding, i) => cosine(originals[i]!, embedding))),
    };
  },
  loss: (before, after) => lost(before, after, 'acc@1'),
  choose(folder, count = CHOSEN) {
    const file = join(folder, 'sentences.txt');
    writeFileSync(file, calibrationSentences().slice(0, count).join('\n'));
    return ['--data', file, '--samples', String(count)];
  },
  inputs(half, count) {
    const tokenizer = loadTokenizer();
    const texts = half === 'choose' ? calibrationSentences() : readPairs().map(([query]) => query);
    return texts.slice(0, count).map((sentence) => encode(tokenizer, [sentence]));
  },
  timing: () => [made(1, 16), made(1, 128), made(32, 64)],
};

const embedOriginal = once((path) => embed(path, textsOf(readPairs())));

/** All queries, then all passages. */
function textsOf(pairs: readonly [string, string][]): string[] {
  return [...pairs.map(([query]) => query), ...pairs.map(([, passage]) => passage)];
}

/** Sentences as long as verses, by lot. */
function calibrationSentences(): string[] {
  const text = readFileSync(fixture('data/text/calib.txt'), 'utf8').replaceAll(/\s+/g, ' ');
  const sentences = (text.match(/[^.?!]+[.?!]/g) ?? [])
    .map((sentence) => sentence.trim())
    .filter(({ length }) => length >= 40 && length <= 300);
  const random = randomFor(0, 'sentences');
  return sentences
    .map((sentence) => ({ sentence, lot: random() }))
    .sort((a, b) => a.lot - b.lot)
    .map(({ sentence }) => sentence);
}

function made(batch: number, length: number): Tensors {
  const fill = (value: (i: number) => number) =>
    new Tensor(
      'int64',
      BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(value(i))),
      [batch, length],
    );
  return { input_ids: fill((i) => 1000 + ((i * 7919) % 20000)), attention_mask: fill(() => 1), token_type_ids: fill(() => 0) };
}

/** The feeds of the last passages, as one batch: what no score's cosine is taken from. */
export function lastPassages(count: number): Tensors {
  const texts = readPairs().slice(-count);
  return encode(
    loadTokenizer(),
    texts.map(([, passage]) => passage),
  );
}

/** Batches of running text, all of one shape. */
export function windows(count: number, batch: number, length: number): Tensors[] {
  const text = readFileSync(fixture('data/text/calib.txt'), 'utf8').replaceAll(/\s+/g, ' ');
  const [first = 101, ...rest] = loadTokenizer().encode(text).ids;
  const last = rest.pop() ?? 102;
  const inner = length - 2;
  if (rest.length < count * batch * inner) throw new Error(`the text has ${rest.length} tokens`);
  return Array.from({ length: count }, (_, at) => {
    const rows = Array.from({ length: batch }, (_, row) => {
      const from = (at * batch + row) * inner;
      return [first, ...rest.slice(from, from + inner), last];
    });
    const fill = (value: (i: number) => number) => {
      const data = BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(value(i)));
      return new Tensor('int64', data, [batch, length]);
    };
    const ids = rows.flat();
    return { input_ids: fill((i) => ids[i] ?? 0), attention_mask: fill(() => 1), token_type_ids: fill(() => 0) };
  });
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
    const sum = new Float32Array(width);
    for (let t = 0; t < length; t++) {
      if (mask[row * length + t] === 0n) continue;
      for (let i = 0; i < width; i++) sum[i]! += data[(row * length + t) * width + i]!;
    }
    return sum;
  });
}

/** Keeps the closing token. */
function truncate(ids: readonly number[]): number[] {
  return ids.length <= MAX_TOKENS ? [...ids] : [...ids.slice(0, MAX_TOKENS - 1), ids.at(-1)!];
}
