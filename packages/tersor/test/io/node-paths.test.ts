import { expect, it } from 'vitest';
import { minName } from '../../src/io/node-paths.ts';

it.each([
  ['models/minilm.onnx', 2, 'minilm.min.onnx'],
  ['llama-00002-of-00003.gguf', 3, 'llama.min-00001-of-00003.gguf'],
  ['llama-00001-of-00001.gguf', 1, 'llama-00001-of-00001.min.gguf'],
  ['m/model.safetensors.index.json', 3, 'model.min.safetensors.index.json'],
  ['model.safetensors', 1, 'model.min.safetensors'],
])('%s of %i files becomes %s', (input, files, name) => {
  expect(minName(input, files)).toBe(name);
});
