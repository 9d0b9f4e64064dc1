import { describe, expect, it } from 'vitest';
import { adapted, dtypeOf, loaderOf, nameFor, ownDtype } from '../../../src/compress/folder/transformers-js.ts';
import { describe as inWords } from '../../../src/core/describe.ts';
import type { TransformersDtype } from '../../../src/core/folder-report.ts';
import type { Layout } from '../../../src/core/layout.ts';
import type { WeightReport } from '../../../src/core/report.ts';
import { int } from '../../../src/numeric/int.ts';
import { transformersLine } from '../../../src/report/transformers-line.ts';

const codes = (bits: number, zero = false): Layout => ({
  kind: 'affine',
  numeric: int(bits),
  outputs: [0],
  block: 32,
  scale: { kind: 'dense', dtype: 'f16' },
  ...(zero && { zero: { kind: 'dense', dtype: 'u4' } }),
});
const dense = (dtype: 'f16' | 'f32'): Layout => ({ kind: 'dense', dtype });
const weight = (layout: Layout, elements: number): WeightReport => ({
  id: `${elements}`,
  shape: [elements],
  before: 'f32',
  after: inWords(layout),
  bytesBefore: 0,
  bytesAfter: 0,
});

describe('the dtype of a result', () => {
  it.each<[TransformersDtype, WeightReport[]]>([
    ['fp32', [weight(dense('f32'), 100)]],
    ['fp16', [weight(dense('f16'), 100), weight(dense('f32'), 20)]],
    ['q8', [weight(codes(8), 100), weight(codes(4), 60), weight(dense('f32'), 10)]],
    ['q4', [weight(codes(8), 60), weight(codes(4, true), 100), weight(dense('f32'), 10)]],
    ['q4f16', [weight(codes(4), 100), weight(dense('f16'), 10)]],
    ['q2', [weight(codes(2), 100)]],
    ['fp32', [weight(codes(8), 10), weight(dense('f32'), 100)]],
    ['fp32', []],
  ])('is %s by what most of its weights are', (dtype, weights) => expect(dtypeOf(weights)).toBe(dtype));
});

describe('names', () => {
  it('are in onnx/ of the model folder', () => {
    expect(nameFor({ base: 'onnx/model' }, 'q8')).toBe('onnx/model_quantized.onnx');
    expect(nameFor({ base: 'model' }, 'fp32')).toBe('onnx/model.onnx');
    expect(nameFor({ base: 'a/b/onnx/encoder_model' }, 'q4f16')).toBe('a/b/onnx/encoder_model_q4f16.onnx');
    expect(nameFor({ base: 'a/b/encoder_model' }, 'fp16')).toBe('a/b/onnx/encoder_model_fp16.onnx');
  });

  it('of files that stay say what they said, where transformers.js understands it', () => {
    expect(ownDtype({ name: 'onnx/model_fp16.onnx', base: 'onnx/model' })).toBe('fp16');
    expect(ownDtype({ name: 'model_O3.onnx', base: 'model' })).toBe('fp32');
  });
});

describe('the config', () => {
  const loader = { folder: '', dtype: 'q4' } as const;

  it('names what was written, and keeps the rest', () => {
    const config = {
      model_type: 'llama',
      'transformers.js_config': {
        dtype: 'q4f16',
        use_external_data_format: { 'model_q4f16.onnx': 1 },
        kv_cache_dtype: { fp16: 'float16' },
        device_config: { webgpu: { dtype: 'fp16', free_dimension_overrides: { batch: 1 } } },
      },
    };
    expect(adapted(config, loader, { 'model_q4.onnx': 2 })).toEqual({
      model_type: 'llama',
      'transformers.js_config': {
        dtype: 'q4',
        use_external_data_format: { 'model_q4.onnx': 2 },
        kv_cache_dtype: { fp16: 'float16' },
        device_config: { webgpu: { free_dimension_overrides: { batch: 1 } } },
      },
    });
    expect(adapted({}, loader, {})).toEqual({ 'transformers.js_config': { dtype: 'q4' } });
  });
});

describe('the line to paste', () => {
  it.each([
    [{ architectures: ['BertForSequenceClassification'] }, false, "await pipeline('text-classification', './out', { dtype: 'q8' })"],
    [{ architectures: ['BertModel'] }, true, "await pipeline('feature-extraction', './out', { dtype: 'q8' })"],
    [{ architectures: ['LlamaForCausalLM'] }, false, "await pipeline('text-generation', './out', { dtype: 'q8' })"],
    [{ architectures: ['Novelty'] }, false, "await AutoModel.from_pretrained('./out', { dtype: 'q8' })"],
    [{ architectures: 7 }, false, "await AutoModel.from_pretrained('./out', { dtype: 'q8' })"],
  ])('follows from %j', (config, sentences, line) => {
    const models = [{ output: 'onnx/model_quantized.onnx', dtype: 'q8' as const }];
    expect(transformersLine('out', loaderOf('', models, config, sentences))).toBe(line);
  });

  it('has a dtype for each file where they differ, and the path as it can be loaded', () => {
    const models = [
      { output: 'a/onnx/encoder_model.onnx', dtype: 'fp32' as const },
      { output: 'a/onnx/decoder_model_merged_q4.onnx', dtype: 'q4' as const },
      { output: 'b/onnx/model_q4.onnx', dtype: 'q4' as const },
    ];
    const loader = loaderOf('a/', models, {}, false);
    expect(transformersLine('/srv/models/', loader)).toBe(
      "await AutoModel.from_pretrained('/srv/models/a', { dtype: { encoder_model: 'fp32', decoder_model_merged: 'q4' } })",
    );
  });
});
