import type { Kernels } from '../../src/core/kernels.ts';
import { openGguf } from '../../src/formats/gguf/open.ts';
import { writeGguf } from '../../src/formats/gguf/write.ts';
import { openOnnx } from '../../src/formats/onnx/open.ts';
import { writeOnnx } from '../../src/formats/onnx/write.ts';
import { safetensors } from '../../src/formats/safetensors/safetensors.ts';
import type { Subject } from './fuzz.ts';
import { MUTATIONS, spansOf } from './mutate.ts';
import { ggufDamages } from './mutate-gguf.ts';
import { jsonDamages } from './mutate-json.ts';

export const ONNX: Subject = {
  name: 'm.onnx',
  damages(file) {
    const spans = spansOf(file);
    return Object.fromEntries(
      Object.entries(MUTATIONS).map(([kind, mutate]) => [kind, (random: () => number) => mutate(file, spans, random)]),
    );
  },
  open: openOnnx,
  write: (model, store) => writeOnnx(model, store, 'out.onnx', {}),
};

export const GGUF: Subject = {
  name: 'model-00001-of-00003.gguf',
  damages: ggufDamages,
  open: openGguf,
  write: (model, store) => writeGguf(model, store, 'out.gguf', {}),
};

export const SAFETENSORS: Subject = {
  name: 'model.safetensors',
  damages: jsonDamages,
  open: safetensors.open,
  // nothing of it takes kernels: what nobody changed is copied
  write: (model, store) => safetensors.write(model, store, 'out.safetensors', { target: 'node', kernels: unwritten }),
};

const unwritten = new Proxy({} as Kernels, {
  get: () => {
    throw new Error('values are computed with');
  },
});
