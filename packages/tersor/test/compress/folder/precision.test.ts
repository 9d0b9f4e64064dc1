import { describe, expect, it } from 'vitest';
import { precisionOf } from '../../../src/compress/folder/precision.ts';

describe('the precision in a name', () => {
  it.each([
    ['onnx/model.onnx', 'onnx/model', ''],
    ['onnx/model_fp16.onnx', 'onnx/model', 'fp16'],
    ['onnx/decoder_model_merged_q4f16.onnx', 'onnx/decoder_model_merged', 'q4f16'],
    ['model_O3.onnx', 'model', 'O3'],
    ['model_qint8_avx512_vnni.onnx', 'model', 'qint8_avx512_vnni'],
    ['encoder-epoch-99-avg-1.int8.onnx', 'encoder-epoch-99-avg-1', 'int8'],
    ['minilm.min.onnx', 'minilm', 'min'],
    ['ch_ppocr_mobile_v2.0_cls_infer.onnx', 'ch_ppocr_mobile_v2.0_cls_infer', ''],
    ['fp16.onnx', 'fp16', ''],
    ['_q4.onnx', '_q4', ''],
    ['q4/model.ONNX', 'q4/model', ''],
  ])('%s', (name, base, suffix) => expect(precisionOf(name)).toMatchObject({ base, suffix }));

  it('puts the most precise first', () => {
    const names = ['m_q1.onnx', 'm_q4f16.onnx', 'm_uint8.onnx', 'm_fp16.onnx', 'm.onnx', 'm_q2.onnx'];
    const sorted = names.toSorted((a, b) => precisionOf(a).rank - precisionOf(b).rank);
    expect(sorted).toEqual(['m.onnx', 'm_fp16.onnx', 'm_uint8.onnx', 'm_q4f16.onnx', 'm_q2.onnx', 'm_q1.onnx']);
  });
});
