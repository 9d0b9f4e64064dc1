import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Tensor } from 'onnxruntime-node';
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
  choose: (folder) => ['--data', writeFeeds(folder, inputs('choose', 512)), '--samples', '512'],
  inputs,
  timing: () => [tensorOf(read('test2k').images.subarray(0, PIXELS), 1)],
};

function read(part: 'test2k' | 'train8k') {
  return {
    images: gunzipSync(readFileSync(fixture(`data/mnist/mnist-${part}-images-idx3-ubyte.gz`))).subarray(16),
    labels: [...gunzipSync(readFileSync(fixture(`data/mnist/mnist-${part}-labels-idx1-ubyte.gz`))).subarray(8)],
  };
}

function inputs(half: Half, count: number): Tensors[] {
  const { images } = read(half === 'choose' ? 'train8k' : 'test2k');
  return Array.from({ length: count }, (_, i) => tensorOf(images.subarray(i * PIXELS, (i + 1) * PIXELS), 1));
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
