import type { Conversion } from '../../src/core/conversion.ts';
import type { FolderCheck, FolderReport } from '../../src/core/folder-report.ts';
import type { FolderInspection, Inspection } from '../../src/core/inspection.ts';
import type { Check, Comparison, Report, WeightReport } from '../../src/core/report.ts';

/** Fixed data of every kind that the command line prints. */

const layers: readonly WeightReport[] = Array.from({ length: 14 }, (_, i) => ({
  id: `encoder.layer.${i}.attention.self.query.weight`,
  shape: [384, 384],
  kind: 'linear',
  before: 'f32',
  after: i < 12 ? 'int8 per row, f16 scales' : 'f32',
  bytesBefore: 589_824 - i,
  bytesAfter: i < 12 ? 148_224 : 589_824 - i,
  ...(i < 12 && { error: 0.0041 + i / 10_000 }),
}));

export const REPORT: Report = {
  version: '0.1.0',
  target: 'node',
  input: { path: 'models/minilm.onnx', format: 'onnx', bytes: 90_387_630 },
  output: { path: 'minilm.min.onnx', format: 'onnx', bytes: 22_861_004 },
  outcome: 'compressed',
  recipe: { version: 1, steps: [{ use: 'rtn', bits: 8 }] },
  weights: [
    {
      id: 'embeddings.word_embeddings.weight',
      shape: [30522, 384],
      kind: 'embedding',
      before: 'f32',
      after: 'int8 per row, f16 scales',
      bytesBefore: 46_881_792,
      bytesAfter: 11_781_492,
      error: 0.0052,
    },
    ...layers,
  ],
  quality: {
    metric: 'R²',
    value: 0.99962,
    drop: 0.00038,
    interval: [0.00021, 0.00061],
    decisions: 24_576,
    samples: 64,
    evidence: 'data',
    source: 'calib.npz',
    outputs: [{ name: 'last_hidden_state', kind: 'value', metric: 'R²', value: 0.99962, cosine: 0.99981, sqnr: 34.2, decisions: 24_576 }],
  },
  speed: {
    ratio: 0.98,
    interval: [0.95, 1.01],
    before: 12.41,
    after: 12.13,
    rounds: 40,
    shapes: 'input_ids [1,16], attention_mask [1,16]',
  },
  memory: { process: 182_000_000, engine: 410_000_000 },
  runtimes: [{ name: 'onnxruntime-node 1.30.0', status: 'verified' }],
  promises: [
    { name: 'loads', promised: 'loads in the runtime', actual: 'yes', status: 'kept' },
    { name: 'drop', promised: 'drop <= 1 %', actual: '0.038 %', status: 'kept' },
    { name: 'latency', promised: 'latency <= 1.1x', actual: '0.98x', status: 'kept' },
  ],
  skipped: [
    { about: 'pooler.dense.bias', message: 'not a matrix that a layer computes with' },
    { about: 'embeddings.LayerNorm.weight', message: 'not a matrix that a layer computes with' },
    { about: 'embeddings.LayerNorm.bias', message: 'not a matrix that a layer computes with' },
    { about: 'pooler.dense.weight', message: 'would not become smaller' },
  ],
  seconds: { read: 0.02, choose: 12.4, write: 3.1, verify: 8.2, time: 74, total: 97.9 },
};

/** Two outputs, judged on made-up inputs, too slow, not left behind. */
export const MISSED: Report = {
  ...without(REPORT, 'output'),
  resultBytes: 22_861_004,
  outcome: 'missed',
  target: 'webgpu',
  quality: {
    metric: 'top-1 agreement',
    value: 0.9931,
    drop: 0.0069,
    interval: [0, 0.021],
    decisions: 512,
    samples: 32,
    evidence: 'synthetic',
    source: 'synthetic (seed 0)',
    outputs: [
      {
        name: 'logits',
        kind: 'classes',
        metric: 'top-1 agreement',
        value: 0.9931,
        cosine: 0.9994,
        sqnr: 28.1,
        divergence: 0.00042,
        decisions: 512,
      },
      { name: 'present.0.key', kind: 'state', metric: 'R²', value: 0.9999, cosine: 0.99998, sqnr: 44, decisions: 8192 },
    ],
  },
  speed: { ratio: 1.31, interval: [1.24, 1.4], before: 0.412, after: 0.54, rounds: 40, shapes: 'x [1,80]' },
  runtimes: [
    { name: 'onnxruntime-node 1.30.0', status: 'verified' },
    { name: 'onnxruntime-web 1.30.0', status: 'unverified', message: 'needs a browser' },
  ],
  promises: [
    { name: 'loads', promised: 'loads in the runtime', actual: 'yes', status: 'kept' },
    { name: 'drop', promised: 'drop <= 1 %', actual: '0.69 %', status: 'indicated' },
    { name: 'latency', promised: 'latency <= 1.1x', actual: '1.31x', status: 'missed' },
    { name: 'memory', promised: 'memory <= 500.00 MB', actual: 'not measured', status: 'unverified' },
  ],
  weights: REPORT.weights.slice(0, 3),
  skipped: [],
};

export const PLANNED: Report = {
  ...without(REPORT, 'output', 'quality', 'speed'),
  resultBytes: 22_861_004,
  outcome: 'planned',
  memory: { process: 0 },
  runtimes: [],
  promises: [],
  skipped: [],
  seconds: {},
  weights: REPORT.weights.slice(0, 4).map((weight) => without(weight, 'error')),
};

export const NOTHING: Report = {
  ...without(REPORT, 'output', 'quality', 'speed'),
  outcome: 'nothing-to-gain',
  weights: [],
  promises: [],
  runtimes: [],
  skipped: [],
  seconds: { read: 0.4, total: 0.4 },
};

export const INSPECTION: Inspection = {
  path: 'models/minilm.onnx',
  format: 'onnx',
  bytes: 90_387_630,
  producer: 'pytorch 2.0.1',
  opsets: { '': 14, 'com.microsoft': 1 },
  inputs: [{ name: 'input_ids', dtype: 'i64', shape: ['batch', 'sequence'] }, { name: 'mystery\u001b[31m' }],
  outputs: [{ name: 'last_hidden_state', dtype: 'f32', shape: ['batch', undefined, 384] }],
  parameters: 22_565_376,
  weights: REPORT.weights.map(({ id, shape, kind, before, bytesBefore }) => ({
    id,
    shape,
    dtype: 'f32',
    layout: before,
    bytes: bytesBefore,
    ...(kind && { kind }),
    uses: kind === 'embedding' ? 2 : 1,
  })),
  operators: { MatMul: 72, Add: 85, Gather: 3, LayerNormalization: 25, 'com.microsoft.Gelu': 6 },
  alreadyQuantized: [],
  metadata: { author: 'a friend' },
};

export const COMPARISON: Comparison = {
  version: '0.1.0',
  target: 'node',
  a: { path: 'minilm.onnx', format: 'onnx', bytes: 90_387_630 },
  b: { path: 'minilm.min.onnx', format: 'onnx', bytes: 22_861_004 },
  sizeRatio: 22_861_004 / 90_387_630,
  ...(REPORT.quality && { quality: REPORT.quality }),
  ...(REPORT.speed && { speed: REPORT.speed }),
  weights: REPORT.weights.slice(0, 3),
  onlyInA: ['a.1', 'a.2', 'a.3', 'a.4', 'a.5'],
  onlyInB: [],
  runtimes: REPORT.runtimes,
  seconds: {},
};

/** Decisions that changed, with labels; a sample has a hostile name. */
export const FLIPS: Comparison = {
  ...COMPARISON,
  weights: [],
  onlyInA: [],
  quality: {
    metric: 'top-1 agreement',
    value: 0.951,
    drop: 0.049,
    interval: [0.014, 0.085],
    decisions: 142,
    samples: 142,
    evidence: 'data',
    source: 'photos (142 pictures)',
    outputs: [],
    worst: [
      {
        id: 'amphibians/tree-frog-1.png',
        output: 'logits',
        at: [0],
        before: { class: 31, name: 'tree frog', value: 0.913 },
        after: { class: 32, name: 'tailed frog', value: 0.62 },
        changed: 1,
        decisions: 1,
        labels: [31, 32],
      },
      {
        id: 'a\u001b[31m.wav',
        output: 'logits',
        step: 12,
        at: [0, 3],
        before: { class: 1, value: 0.51 },
        after: { class: 0, value: 0.503 },
        changed: 2,
        decisions: 40,
      },
    ],
    labelled: {
      metric: 'top-1',
      samples: 142,
      before: 0.7606,
      after: 0.7465,
      interval: [-0.042, 0.007],
      lost: 3,
      won: 1,
      classes: [
        { label: 'tree frog', samples: 4, before: 1, after: 0.5 },
        { label: 'goldfish', samples: 3, before: 1, after: 1 },
      ],
    },
    scores: [{ name: 'top5', before: 0.9155, after: 0.9085 }],
  },
};

export const CHECK: Check = {
  version: '0.1.0',
  model: { path: 'minilm.min.onnx', format: 'onnx', bytes: 22_861_004 },
  kept: false,
  rows: [
    { name: 'bytes', promised: '22,861,004 bytes', actual: '22,861,004', status: 'kept' },
    { name: 'sha256', promised: 'SHA-256 0123456789ab…', actual: 'ba9876543210…', status: 'missed' },
    { name: 'loads', promised: 'loads in the runtime', reported: 'yes', actual: 'yes', status: 'kept' },
    { name: 'drop', promised: 'drop <= 1 %', reported: '0.69 %', actual: '0.71 %', status: 'indicated' },
    { name: 'latency', promised: 'latency <= 1.1x', actual: 'not measured', status: 'unverified' },
  ],
  runtimes: [{ name: 'onnxruntime-node 1.30.0', status: 'verified' }],
  seconds: { verify: 8, total: 8.1 },
};

export const FOLDER_CHECK: FolderCheck = {
  version: '0.1.0',
  path: 'whisper.min',
  kept: false,
  rows: [
    { name: 'files', promised: 'config.json', actual: 'missing', status: 'missed' },
    { name: 'files', promised: 'tokenizer.json, 2,480,466 bytes', actual: '12', status: 'missed' },
  ],
  models: [
    {
      name: 'onnx/decoder_model_merged_quantized.onnx',
      check: { ...CHECK, kept: true, rows: CHECK.rows.filter(({ status }) => status !== 'missed') },
    },
    { name: 'onnx/encoder_model.onnx', check: { ...CHECK, kept: true, rows: CHECK.rows.slice(0, 1), runtimes: [] } },
  ],
};

function without<T extends object, K extends keyof T>(value: T, ...fields: readonly K[]): Omit<T, K> {
  const rest: T = { ...value };
  for (const field of fields) delete rest[field];
  return rest;
}

export const FOLDER_REPORT: FolderReport = {
  version: '0.1.0',
  target: 'transformers.js',
  input: { path: 'models/whisper', bytes: 152_000_000 },
  output: { path: 'whisper.min', bytes: 70_861_004 },
  resultBytes: 70_861_004,
  outcome: 'compressed',
  models: [
    {
      name: 'onnx/decoder_model_merged.onnx',
      output: 'onnx/decoder_model_merged_quantized.onnx',
      resultBytes: 22_861_004,
      variants: ['onnx/decoder_model_merged_fp16.onnx'],
      dtype: 'q8',
      report: { ...REPORT, skipped: [{ about: 'data', message: 'made-up inputs instead: pictures fit no input' }] },
    },
    {
      name: 'onnx/encoder_model.onnx',
      output: 'onnx/encoder_model.onnx',
      resultBytes: 48_000_000,
      stays: 'smaller it misses latency <= 1.1x (1.31x)',
      variants: [],
      dtype: 'fp32',
      report: { ...MISSED, input: { path: 'models/whisper/onnx/encoder_model.onnx', format: 'onnx', bytes: 48_000_000 } },
    },
  ],
  files: [
    { name: 'config.json', bytes: 2_210, status: 'changed', why: 'its transformers.js_config names the files of the result' },
    {
      name: 'onnx/decoder_model_merged_fp16.onnx',
      bytes: 52_000_000,
      status: 'left-out',
      why: 'less precise than onnx/decoder_model_merged.onnx',
    },
    { name: 'model.safetensors', bytes: 151_000_000, status: 'left-out', why: 'weights for other frameworks' },
    { name: 'tokenizer.json', bytes: 2_480_466, status: 'carried' },
    { name: '.git/', status: 'left-out', why: 'hidden' },
  ],
  promises: [
    { name: 'loads', promised: 'loads in the runtime', actual: 'yes', status: 'kept' },
    { name: 'smaller', promised: 'not larger', actual: '46.6 % of the bytes', status: 'kept' },
    { name: 'drop', promised: 'drop <= 1 %', actual: '0.038 %', status: 'indicated' },
  ],
  loaders: [
    {
      folder: '',
      task: 'automatic-speech-recognition',
      dtype: { decoder_model_merged: 'q8', encoder_model: 'fp32' },
    },
  ],
  seconds: { total: 93.2 },
};

export const FOLDER_INSPECTION: FolderInspection = {
  path: 'models/whisper',
  bytes: INSPECTION.bytes * 2,
  models: [
    { name: 'onnx/decoder_model_merged.onnx', variants: ['onnx/decoder_model_merged_fp16.onnx'], inspection: INSPECTION },
    { name: 'onnx/encoder_model.onnx', variants: [], inspection: { ...INSPECTION, alreadyQuantized: [] } },
  ],
  files: FOLDER_REPORT.files.filter(({ status }) => status !== 'changed'),
};

export const CONVERSION: Conversion = {
  version: '1.2.3',
  input: { path: 'smollm2/model.safetensors', format: 'safetensors', bytes: 269_060_552 },
  output: { path: 'smollm2.gguf', format: 'gguf', bytes: 105_454_432 },
  bytes: 105_454_432,
  architecture: 'llama',
  weights: [
    { from: 'model.embed_tokens.weight', to: 'token_embd.weight', shape: [49152, 576], before: 'bf16', after: 'Q8_0' },
    { from: 'model.norm.weight', to: 'output_norm.weight', shape: [576], before: 'bf16', after: 'f32' },
    { to: 'rope_freqs.weight', shape: [32], after: 'f32' },
    ...Array.from({ length: 12 }, (_, layer) => ({
      from: `model.layers.${layer}.self_attn.q_proj.weight`,
      to: `blk.${layer}.attn_q.weight`,
      shape: [576, 576],
      before: 'bf16',
      after: 'IQ4_NL',
    })),
  ],
  leftOut: ['model.layers.0.self_attn.rotary_emb.inv_freq'],
  notes: ['attn_q', 'attn_k', 'ffn_gate', 'ffn_up'].map((name) => ({
    about: `blk.0.${name}.weight`,
    message: 'has rows of 576 values, which Q4_K cannot hold: it becomes IQ4_NL',
  })),
  seconds: { read: 0.2, write: 4 },
};
