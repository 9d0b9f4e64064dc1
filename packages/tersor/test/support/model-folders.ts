import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeNode } from '../../src/core/graph.ts';
import type { Model } from '../../src/core/model.ts';
import { handMade, tensorInfo } from './hand-made-model.ts';
import { quantized } from './quantized.ts';
import { written } from './runtimes.ts';

/** Files by name; folders are made. */
export function putFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** An embedding and a projection, as sentence encoders begin and end. Weights are the same for the same names. */
export function encoder(width = 48): Model {
  return handMade({
    nodes: [
      makeNode('Gather', ['table', 'input_ids'], ['embedded']),
      makeNode('MatMul', ['embedded', 'projection'], ['mixed']),
      makeNode('Tanh', ['mixed'], ['last_hidden_state']),
    ],
    weights: { table: [200, width], projection: [width, 64] },
    inputs: [tensorInfo('input_ids', 'i64', ['batch', 'sequence'])],
    outputs: [tensorInfo('last_hidden_state', 'f32', ['batch', 'sequence', 64])],
  });
}

/** Two layers on floats. */
export function perceptron(inputs = 32): Model {
  return handMade({
    nodes: [
      makeNode('MatMul', ['x', 'first'], ['hidden']),
      makeNode('Tanh', ['hidden'], ['active']),
      makeNode('MatMul', ['active', 'second'], ['y']),
    ],
    weights: { first: [inputs, 160], second: [160, 40] },
    inputs: [tensorInfo('x', 'f32', ['batch', inputs])],
    outputs: [tensorInfo('y', 'f32', ['batch', 40])],
  });
}

/** A folder as it comes from Hugging Face: two precisions of a model, its configs, weights for another framework, and what git leaves. */
export async function huggingFaceFolder(folder: string, config: Readonly<Record<string, unknown>> = {}): Promise<void> {
  putFiles(folder, {
    'config.json': JSON.stringify({ architectures: ['BertModel'], model_type: 'bert', ...config }),
    'tokenizer.json': '{}',
    'onnx/model.onnx': await written(encoder()),
    'onnx/model_quantized.onnx': await written(await quantized(encoder(), { bits: 8 })),
    'model.safetensors': 'weights',
    '.gitattributes': '*.onnx filter=lfs',
    '.git/config': '[core]',
    'node_modules/x/index.js': '',
  });
}
