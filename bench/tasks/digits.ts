import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Tensor } from 'onnxruntime-node';
import { randomFor } from '../../packages/tersor/src/core/random.ts';
import { writeFeeds } from './feeds-file.ts';
import { argmax, fixture, floats, type Half, lost, openSession, type Task, type Tensors } from './task.ts';

const PIXELS = 28 * 28;

/** Handwritten digits: accuracy on the 2,000 that no model here was trained on. Chosen by those it was trained on. */
export const digits: Task = {
  id: 'digits',
  async score(path, reference) {
    const { images, labels } = read('test2k');
    const decided = await decide(path, images, labels.length);
    const original = await decide(reference, images, labels.length);
    return {
      accuracy: labels.filter((label, i) => decided[i] === label).length / labels.length,
      agreement: original.filter((digit, i) => decided[i] === digit).length / labels.length,
    };
  },
  loss: (before, after) => lost(before, after, 'accuracy'),
  choose: (folder, count = 2048) => ['--data', writeFeeds(folder, inputs('choose', count)), '--samples', String(count)],
  inputs,
  timing: () => [tensorOf(read('test2k').images.subarray(0, PIXELS), 1)],
};

function read(part: 'test2k' | 'train8k') {
  return {
    images: gunzipSync(readFileSync(fixture(`data/mnist/mnist-${part}-images-idx3-ubyte.gz`))).subarray(16),
    labels: [...gunzipSync(readFileSync(fixture(`data/mnist/mnist-${part}-labels-idx1-ubyte.gz`))).subarray(8)],
  };
}

/** From everywhere in the file, which is sorted by digit, in an order of their own: a part of them has all digits, too. */
function inputs(half: Half, count: number): Tensors[] {
  const { images, labels } = read(half === 'choose' ? 'train8k' : 'test2k');
  const random = randomFor(0, 'order of digits');
  const order = labels.map((_, index) => ({ index, lot: random() })).sort((a, b) => a.lot - b.lot);
  return order.slice(0, count).map(({ index }) => tensorOf(images.subarray(index * PIXELS, (index + 1) * PIXELS), 1));
}

function tensorOf(images: Uint8Array, count: number): Tensors {
  return {
    input: new Tensor(
      'float32',
      Float32Array.from(images, (x) => x / 255),
      [count, 1, 28, 28],
    ),
  };
}

async function decide(path: string, images: Uint8Array, count: number): Promise<number[]> {
  const session = await openSession(path);
  const { data, dims } = floats(await session.run(tensorOf(images, count)));
  await session.release();
  const classes = dims.at(-1) ?? 0;
  return Array.from({ length: count }, (_, i) => argmax(data, i * classes, (i + 1) * classes));
}
