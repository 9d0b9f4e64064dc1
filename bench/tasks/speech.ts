import { copyFileSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { fixture, floats, type Half, halfOf, lost, openSession, type Task, type Tensors } from './task.ts';

const RATE = 16000;
const WINDOW = 512;
/** Silero v5 and later want the end of the window before. */
const CONTEXT = 64;

/** Voice activity on 12 noisy clips, window by window with the state carried along: area under the ROC curve, and F1 at 0.5. */
export function speech({ legacy }: { readonly legacy: boolean }): Task {
  return {
    id: legacy ? 'speech-legacy' : 'speech',
    async score(path) {
      const session = await openSession(path);
      const scored: { score: number; speech: boolean }[] = [];
      for (const { file, isSpeech } of readClips('prove')) {
        let state = silence(legacy);
        let at = WINDOW / 2;
        for (const window of windowsOf(readWav(file), legacy)) {
          const outputs = await session.run({ ...window, ...state });
          scored.push({ score: floats(outputs, 'output').data[0]!, speech: isSpeech(at / RATE) });
          state = legacy ? { h: outputs.hn!, c: outputs.cn! } : { state: outputs.stateN! };
          at += WINDOW;
        }
      }
      await session.release();
      return { auc: areaUnderCurve(scored), f1: f1(scored) };
    },
    loss: (before, after) => lost(before, after, 'auc'),
    choose(folder) {
      for (const { file } of readClips('choose')) copyFileSync(file, join(folder, basename(file)));
      return ['--data', folder];
    },
    inputs: (half, count) =>
      readClips(half)
        .flatMap(({ file }) => windowsOf(readWav(file), legacy))
        .filter((_, i) => i % 7 === 0)
        .slice(0, count)
        .map((window) => ({ ...window, ...silence(legacy) })),
    timing: () => [{ ...windowsOf(readWav(readClips('choose')[0]!.file), legacy)[40]!, ...silence(legacy) }],
  };
}

interface Clip {
  readonly file: string;
  readonly isSpeech: (second: number) => boolean;
}

const sounds = new Map<string, Float32Array>();

export function readClips(half: Half): Clip[] {
  const folder = fixture('data/vad/clips');
  const labels: { file: string; speech: [number, number][] }[] = JSON.parse(readFileSync(join(folder, 'labels.json'), 'utf8'));
  return halfOf(labels, half).map(({ file, speech: spans }) => ({
    file: join(folder, file),
    isSpeech: (second) => spans.some(([from, to]) => second >= from && second < to),
  }));
}

/** 16-bit mono PCM in [-1, 1]; the same array each time. */
export function readWav(path: string): Float32Array {
  const before = sounds.get(path);
  if (before) return before;
  const bytes = readFileSync(path);
  const start = bytes.indexOf('data', 12, 'latin1') + 8;
  const length = Math.min(bytes.readUInt32LE(start - 4), bytes.length - start);
  const sound = Float32Array.from({ length: length >> 1 }, (_, i) => bytes.readInt16LE(start + 2 * i) / 32768);
  sounds.set(path, sound);
  return sound;
}

/** Windows one behind the other, each with the context that the model wants in front. */
function windowsOf(samples: Float32Array, legacy: boolean): Tensors[] {
  const context = legacy ? 0 : CONTEXT;
  return Array.from({ length: Math.floor(samples.length / WINDOW) }, (_, i) => {
    const window = new Float32Array(context + WINDOW);
    const start = i * WINDOW - context;
    window.set(samples.subarray(Math.max(0, start), (i + 1) * WINDOW), Math.max(0, -start));
    return { input: new Tensor('float32', window, [1, window.length]), sr: new Tensor('int64', BigInt64Array.of(BigInt(RATE)), []) };
  });
}

function silence(legacy: boolean): Tensors {
  return legacy ? { h: zeros([2, 1, 64]), c: zeros([2, 1, 64]) } : { state: zeros([2, 1, 128]) };
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
