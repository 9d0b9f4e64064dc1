/**
 * How few bytes a model's weights take at equal error, beside nncodec (ISO/IEC 15938-17, with dependent quantization), and what each step towards it brings:
 * `npm run bench:wire -- lossy`, after a build.
 *
 * All layers of a model have the same step, which is what nncodec does, and what loses least of all weights together. Bytes are those of the coded weights, without graphs and
 * biases, on both sides. Each variant is measured at three steps; bytes are then read off at the errors of the last variant, on the line between two points, or beyond the
 * outermost ones.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openJob } from '../../packages/tersor/src/compress/job.ts';
import { CHUNK_BYTES } from '../../packages/tersor/src/core/chunk-bytes.ts';
import { decode } from '../../packages/tersor/src/core/decode.ts';
import { findLayers } from '../../packages/tersor/src/core/find-layers.ts';
import type { Kernels } from '../../packages/tersor/src/core/kernels.ts';
import { isRowMajor, permute, toMatrix } from '../../packages/tersor/src/core/matrix.ts';
import { encodeChunk } from '../../packages/tersor/src/kernels/coder/encode-chunk.ts';
import type { Loops } from '../../packages/tersor/src/kernels/loops.ts';
import { openKernels } from '../../packages/tersor/src/kernels/open-kernels.ts';
import { compileKernels, wasmLoops } from '../../packages/tersor/src/kernels/wasm.ts';
import { chooseLevels, type ToRound } from '../../packages/tersor/src/methods/choose-levels.ts';
import { cached, digestOf, remember } from '../cache.ts';
import { benchModels } from '../models.ts';
import { pythonWith } from '../peers/venv.ts';
import { savePartResults } from '../results.ts';

const MODELS = ['minilm', 'mobilenet-v2', 'ocr-rec', 'lenet-5', 'silero-v5'];
const SCRIPT = fileURLToPath(new URL('../peers/code-weights.py', import.meta.url));
/** nncodec asks for a numpy before 2, and works with this one. */
const PACKAGES = [
  'numpy==2.4.6',
  'torch==2.15.0',
  'torchvision==0.29.2',
  'h5py==3.16.0',
  'pandas==3.0.6',
  'scikit-learn==1.9.1',
  'ptflops==0.7.5',
  'torchmetrics==1.9.0',
  'opencv-python-headless==5.0.0.93',
  'tqdm==4.70.1',
  '--no-deps nncodec==2.1.3',
];
/** Steps, as parts of what weights are large: about 6, 4 and 3 bits. */
const STEPS = [0.11, 0.3, 0.6];
/** Of nncodec that are tried for each error. */
const QUANTIZERS = 12;
const LEAST_ELEMENTS = 128;

const VARIANTS = {
  uniform: { rate: 0, trellis: false, contexts: false },
  contexts: { rate: 0, trellis: false, contexts: true },
  rdoq: { rate: 1, trellis: false, contexts: true },
  trellis: { rate: 1, trellis: true, contexts: true },
} as const;
type Variant = keyof typeof VARIANTS;

/** Signal to noise in decibels, and bytes. */
type Point = readonly [decibels: number, bytes: number];

type Layer = Omit<ToRound, 'outputSteps'>;

interface Tools {
  readonly loops: Loops;
  readonly kernels: Kernels;
}

export async function lossy(only?: readonly string[]): Promise<void> {
  const python = pythonWith(PACKAGES);
  const tools: Tools = { loops: wasmLoops(await compileKernels()), kernels: await openKernels({ threads: 0 }) };
  const rows = [];
  for (const name of MODELS) {
    const model = benchModels().find((each) => each.name === name);
    if (!model || (only && !only.some((part) => name.includes(part)))) continue;
    const layers = await layersOf(model.path);
    const count = layers.reduce((sum, { matrix }) => sum + matrix.length, 0);
    const squares = layers.reduce((sum, { matrix }) => sum + matrix.reduce((own, value) => own + value * value, 0), 0);
    const size = Math.sqrt(squares / count);
    const curves = {} as Record<Variant, Point[]>;
    for (const variant of Object.keys(VARIANTS) as Variant[]) {
      curves[variant] = [];
      for (const step of STEPS) curves[variant].push(await measure(layers, squares, step * size, variant, tools));
    }
    const at = curves.trellis.map(([decibels]) => decibels);
    const peer = python ? await nncodecOf(python, layers, at, size) : [];
    const bytes = Object.fromEntries(
      [...Object.entries(curves), ['nncodec', peer] as const].map(([label, curve]) => [label, at.map((each) => read(curve, each))]),
    );
    const row = { model: name, weights: count, decibels: at, bytes, curves: { ...curves, nncodec: peer } };
    rows.push(row);
    savePartResults('wire-lossy', name, row, { nncodec: '2.1.3' });
    console.log(`${name}: ${count} weights`);
    for (const [label, values] of Object.entries(bytes)) {
      const ratios = values.map((value, i) => (bytes.nncodec?.[i] ? value / bytes.nncodec[i]! : Number.NaN));
      const cells = values.map((value, i) => `${at[i]!.toFixed(1)} dB ${((8 * value) / count).toFixed(3)} bits ${ratios[i]!.toFixed(3)}`);
      console.log(`  ${label.padEnd(9)} ${cells.join('   ')}`);
    }
  }
  process.exitCode = rows.every(({ bytes }) => (bytes.trellis ?? []).every((value, i) => !(value > (bytes.nncodec?.[i] ?? value)))) ? 0 : 1;
}

async function layersOf(path: string): Promise<Layer[]> {
  const job = await openJob(path, { threads: 0 });
  try {
    const model = await job.apply(job.input.model, [{ use: 'clean', large: true }]);
    const layers: Layer[] = [];
    for (const { weight, outputAxes: outputs, outputs: rows, inputs: columns } of await findLayers(model)) {
      const matrix = toMatrix(decode(await weight.load()), weight.shape, outputs).slice();
      if (matrix.length < LEAST_ELEMENTS) continue;
      layers.push({ id: weight.id, shape: weight.shape, layout: { kind: 'levels', outputs, inputSteps: false }, matrix, rows, columns });
    }
    return layers;
  } finally {
    await job.close();
  }
}

/** Steps are quarters of octaves: the nearest is taken. */
async function measure(
  layers: readonly Layer[],
  squares: number,
  step: number,
  variant: Variant,
  { loops, kernels }: Tools,
): Promise<Point> {
  const { contexts, ...asked } = VARIANTS[variant];
  let [noise, bytes] = [0, 0];
  for (const layer of layers) {
    const outputSteps = new Float32Array(layer.rows).fill(step);
    const tensor = await chooseLevels({ ...layer, outputSteps }, asked, kernels);
    const values = toMatrix(decode(tensor), layer.shape, layer.layout.outputs);
    for (let i = 0; i < values.length; i++) noise += (values[i]! - layer.matrix[i]!) ** 2;
    bytes += codedBytes(tensor.levels, layer, contexts, loops);
  }
  return [10 * Math.log10(squares / noise), bytes];
}

/** As the container codes them: in the order in which they are stored, in chunks; as levels, or with one table or several. */
function codedBytes(levels: Int16Array, { layout, rows, columns }: Layer, contexts: boolean, loops: Loops): number {
  const isTurned = !isRowMajor(layout.outputs);
  const stored = isTurned ? permute(levels, [rows, columns], [1, 0]) : levels;
  const length = isTurned ? rows : columns;
  const step = Math.max(1, Math.floor(CHUNK_BYTES / levels.BYTES_PER_ELEMENT / length)) * length;
  const coder = contexts ? loops : { ...loops, encodeLevels: () => undefined };
  const isNarrow = !contexts && levels.every((level) => level >= -128 && level < 128);
  let sum = 0;
  for (let at = 0; at < stored.length; at += step) {
    const part = stored.slice(at, at + step);
    const narrow = isNarrow ? Int8Array.from(part) : part;
    const elements = { count: part.length, width: narrow.BYTES_PER_ELEMENT, turned: false, columns: length };
    sum += encodeChunk(coder, new Uint8Array(narrow.buffer), elements).length;
  }
  return sum;
}

/** For each error two points, which enclose it. */
async function nncodecOf(python: string, layers: readonly Layer[], decibels: readonly number[], size: number): Promise<Point[]> {
  const data = cached('wire/nncodec.bin');
  const all = new Float32Array(layers.reduce((sum, { matrix }) => sum + matrix.length, 0));
  let at = 0;
  for (const { matrix } of layers) {
    all.set(matrix, at);
    at += matrix.length;
  }
  const bytes = new Uint8Array(all.buffer);
  mkdirSync(dirname(data), { recursive: true });
  writeFileSync(data, bytes);
  const shapes = layers.map(({ rows, columns }) => [rows, columns]);
  const about = JSON.stringify([shapes, decibels, size, QUANTIZERS]);
  return remember(`nncodec-${digestOf(about, bytes)}`, () =>
    JSON.parse(
      execFileSync(python, ['-W', 'ignore', SCRIPT, data, about], { encoding: 'utf8', maxBuffer: 2 ** 26 })
        .trim()
        .split('\n')
        .at(-1) ?? '[]',
    ),
  );
}

/** Bytes at an error, on the line between the two points around it. */
function read(curve: readonly Point[], decibels: number): number {
  const sorted = curve.toSorted(([a], [b]) => a - b);
  const found = sorted.findIndex(([each]) => each >= decibels);
  const above = Math.max(1, found < 0 ? sorted.length - 1 : found);
  const [from, to] = [sorted[above - 1], sorted[above]];
  if (!from || !to) return Number.NaN;
  const part = (decibels - from[0]) / (to[0] - from[0]);
  return from[1] + part * (to[1] - from[1]);
}
