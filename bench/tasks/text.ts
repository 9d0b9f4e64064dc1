import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import { Tensor } from 'onnxruntime-node';
import { writeFeeds } from './feeds-file.ts';
import { added, fixture, floats, type Half, openSession, type Task, type Tensors } from './task.ts';

const WINDOW = 256;
/** Windows of each text; all of them take minutes. */
const WINDOWS = 24;

const TO_CHOOSE = 64;

/** Perplexity of a small language model over documents that it was not trained on, in windows of 256 tokens. Chosen by texts that it knows. */
export const text: Task = {
  id: 'text',
  async score(path) {
    const session = await openSession(path);
    let [loss, count] = [0, 0];
    for (const name of ['sotu', 'moby', 'kjv']) {
      for (const window of windowsOf(`test-${name}.txt`)) {
        const { data, dims } = floats(await session.run(feedsFor(window)), session.outputNames[0]);
        const classes = dims.at(-1)!;
        for (let t = 0; t + 1 < WINDOW; t++) loss += crossEntropy(data.subarray(t * classes, (t + 1) * classes), window[t + 1]!);
        count += WINDOW - 1;
      }
    }
    await session.release();
    return { perplexity: Math.exp(loss / count) };
  },
  loss: (before, after) => added(before, after, 'perplexity'),
  choose: (folder, count = TO_CHOOSE) => ['--data', writeFeeds(folder, inputs('choose', count)), '--samples', String(count)],
  inputs,
  timing: () => [feedsFor(windowsOf('calib.txt')[0]!.slice(0, 16)), ...inputs('choose', 1)],
};

/** Of the whole text, so that all its documents are among them. */
function inputs(half: Half, count: number): Tensors[] {
  const windows = windowsOf(half === 'choose' ? 'calib.txt' : 'test-sotu.txt', Number.POSITIVE_INFINITY);
  return Array.from({ length: count }, (_, i) => feedsFor(windows[Math.floor((i * windows.length) / count)]!));
}

function windowsOf(file: string, most = WINDOWS): number[][] {
  const whole = readFileSync(fixture('data/text', file), 'utf8');
  const { ids } = loadTokenizer().encode(Number.isFinite(most) ? whole.slice(0, WINDOW * most * 5) : whole);
  return Array.from({ length: Math.min(most, Math.floor(ids.length / WINDOW)) }, (_, i) => ids.slice(i * WINDOW, (i + 1) * WINDOW));
}

function loadTokenizer(): Tokenizer {
  const folder = fileURLToPath(new URL('../../.cache/fixtures/lm/', import.meta.url));
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  return new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
}

function feedsFor(ids: readonly number[]): Tensors {
  return { input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]) };
}

function crossEntropy(logits: Float32Array, target: number): number {
  const peak = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return peak + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - peak), 0)) - logits[target]!;
}
