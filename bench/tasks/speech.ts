import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { fixture, floats, openSession, type Task, type Tensors } from './task.ts';

const RATE = 16000;
const WINDOW = 512;
/** Silero v5 and later want the end of the window before. */
const CONTEXT = 64;

/** Voice activity on 24 noisy clips, window by window with the state carried along: area under the ROC curve, and F1 at 0.5. */
export const speech: Task = {
  id: 'speech',
  async score(path) {
    const session = await openSession(path);
    const scored: { score: number; speech: boolean }[] = [];
    for (const { samples, isSpeech } of readClips()) {
      const scores = await probabilities(session, samples);
      scores.forEach((score, i) => {
        const speech = isSpeech((i * WINDOW + WINDOW / 2) / RATE);
        scored.push({ score, speech });
      });
    }
    await session.release();
    return { auc: areaUnderCurve(scored), f1: f1(scored) };
  },
};

interface Clip {
  readonly samples: Float32Array;
  readonly isSpeech: (second: number) => boolean;
}

function readClips(): Clip[] {
  const folder = fixture('data/vad/clips');
  const labels: { file: string; speech: [number, number][] }[] = JSON.parse(readFileSync(join(folder, 'labels.json'), 'utf8'));
  return labels.map(({ file, speech: spans }) => ({
    samples: readWav(join(folder, file)),
    isSpeech: (second) => spans.some(([from, to]) => second >= from && second < to),
  }));
}

/** 16-bit mono PCM in [-1, 1]. */
function readWav(path: string): Float32Array {
  const bytes = readFileSync(path);
  const start = bytes.indexOf('data', 12, 'latin1') + 8;
  const length = Math.min(bytes.readUInt32LE(start - 4), bytes.length - start);
  return Float32Array.from({ length: length >> 1 }, (_, i) => bytes.readInt16LE(start + 2 * i) / 32768);
}

async function probabilities(session: InferenceSession, samples: Float32Array): Promise<number[]> {
  const legacy = session.inputNames.includes('h');
  const sr = new Tensor('int64', BigInt64Array.of(BigInt(RATE)), []);
  let state: Tensors = legacy ? { h: zeros([2, 1, 64]), c: zeros([2, 1, 64]) } : { state: zeros([2, 1, 128]) };
  const context = legacy ? 0 : CONTEXT;
  const scores: number[] = [];
  for (let start = 0; start + WINDOW <= samples.length; start += WINDOW) {
    const window = new Float32Array(context + WINDOW);
    window.set(samples.subarray(Math.max(0, start - context), start + WINDOW), Math.max(0, context - start));
    const outputs = await session.run({ input: new Tensor('float32', window, [1, window.length]), sr, ...state });
    scores.push(floats(outputs, 'output').data[0]!);
    state = legacy ? { h: outputs.hn!, c: outputs.cn! } : { state: outputs.stateN! };
  }
  return scores;
}

function zeros(dims: readonly number[]): Tensor {
  return new Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b, 1)), dims);
}

function areaUnderCurve(scored: readonly { score: number; speech: boolean }[]): number {
  const sorted = [...scored].sort((a, b) => a.score - b.score);
  let [rankSum, positives] = [0, 0];
  sorted.forEach(({ speech }, i) => {
    if (!speech) return;
    rankSum += i + 1;
    positives++;
  });
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (sorted.length - positives));
}

function f1(scored: readonly { score: number; speech: boolean }[]): number {
  const hits = scored.filter(({ score, speech }) => score >= 0.5 && speech).length;
  const said = scored.filter(({ score }) => score >= 0.5).length;
  const true_ = scored.filter(({ speech }) => speech).length;
  return (2 * hits) / (said + true_);
}
