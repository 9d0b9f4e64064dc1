import { expect, it } from 'vitest';
import { cleanWords } from '../../src/engine/words.ts';

it.each([
  [
    "Can't create a session. ERROR_CODE: 7, ERROR_MESSAGE: Failed to load model because protobuf parsing failed.",
    'protobuf parsing failed.',
  ],
  [
    "Non-zero status code returned while running MatMul node. Name:'/fc/MatMul' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/math/matmul_helper.h:142 onnxruntime::common::Status onnxruntime::MatMulComputeHelper::Compute(const onnxruntime::TensorShape&, const onnxruntime::TensorShape&, bool, bool, bool, bool) right operand cannot broadcast on dim 0",
    "Non-zero status code returned while running MatMul node. Name:'/fc/MatMul' Status Message: right operand cannot broadcast on dim 0",
  ],
  [
    "Load model from /home/someone/my models/a.onnx failed:Load model /home/someone/a.onnx failed. File doesn't exist",
    "Load model a.onnx failed. File doesn't exist",
  ],
  [
    'Exception during initialization: C:\\a\\_work\\1\\s\\onnxruntime\\core\\optimizer\\initializer.cc:31 onnxruntime::Initializer::Initializer !model_path.empty() was false.',
    'Exception during initialization: onnxruntime::Initializer::Initializer !model_path.empty() was false.',
  ],
])('cleans %j', (message, expected) => {
  expect(cleanWords(message)).toBe(expected);
});

it('cuts long stories short', () => {
  expect(cleanWords('x'.repeat(5000)).length).toBeLessThan(700);
});
