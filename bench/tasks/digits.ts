import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Tensor } from 'onnxruntime-node';
import { argmax, fixture, floats, openSession, type Task } from './task.ts';

/** 2,000 handwritten digits: accuracy. */
export const digits: Task = {
  id: 'digits',
  async score(path) {
    const session = await openSession(path);
    const images = gunzipSync(readFileSync(fixture('data/mnist/mnist-test2k-images-idx3-ubyte.gz'))).subarray(16);
    const labels = gunzipSync(readFileSync(fixture('data/mnist/mnist-test2k-labels-idx1-ubyte.gz'))).subarray(8);
    const input = session.inputNames[0]!;
    const shape = session.inputMetadata[0];
    const rank = shape?.isTensor ? shape.shape.length : 4;
    const dims = rank === 2 ? [labels.length, 784] : [labels.length, 1, 28, 28];
    const { data } = floats(
      await session.run({
        [input]: new Tensor(
          'float32',
          Float32Array.from(images, (x) => x / 255),
          dims,
        ),
      }),
    );
    await session.release();
    const classes = data.length / labels.length;
    return { accuracy: labels.filter((label, i) => argmax(data, i * classes, (i + 1) * classes) === label).length / labels.length };
  },
};
