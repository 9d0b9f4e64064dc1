import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { convert } from '../../packages/tersor/src/convert.ts';
import { bytesOf } from '../../packages/tersor/src/core/layout.ts';
import type { Model } from '../../packages/tersor/src/core/model.ts';
import { gguf } from '../../packages/tersor/src/formats/gguf/gguf.ts';
import { openNodeStore } from '../../packages/tersor/src/io/node-store.ts';
import { fileTypeOf } from '../../packages/tersor/src/methods/ggml-mixes.ts';
import { llamaLibraries } from '../gguf/llama-libraries.ts';
import { runTersor } from '../main/run-tersor.ts';
import { benchModels } from '../models.ts';
import { pythonWith } from '../peers/venv.ts';
import { at, fixture } from '../tasks/task.ts';

/** K-types of 2 and 3 bits. */
const TYPES = ['Q2_K', 'Q3_K_S', 'Q3_K_M'] as const;
/** Windows of the text that importances are of: as many as our side chooses by. */
const WINDOWS = '64';

export interface BitsRow {
  readonly type: string;
  /** Of the weights alone: theirs, ours. */
  readonly bytes: readonly [number, number];
  /** Of the original, theirs, ours. */
  readonly perplexity: readonly [number, number, number];
}

/** The small language model as ONNX, in as many bytes as llama.cpp's quantizer takes with importances: both judged by one runtime. Undefined where there is no peer. */
export async function* bitsRows(): AsyncGenerator<BitsRow> {
  const model = benchModels().find(({ name }) => name === 'lm');
  const libraries = llamaLibraries();
  const python = libraries && pythonWith(['numpy==2.4.6']);
  if (!model?.task || !python) return;
  const script = fileURLToPath(new URL('../peers/llama-cpp.py', import.meta.url));
  const llama = (...args: string[]) => execFileSync(python, [script, libraries.folder, ...args], { encoding: 'utf8', maxBuffer: 1e8 });
  const folder = mkdtempSync(join(tmpdir(), 'tersor-bench-'));
  const inFolder = (name: string) => join(folder, name);
  try {
    const floats = inFolder('floats.gguf');
    await convert(fixture('models/lm/model.safetensors'), { output: floats });
    llama('imatrix', floats, inFolder('imatrix.dat'), WINDOWS, fixture('data/text/calib.txt'));
    const data = await model.task.choose(mkdtempSync(inFolder('data-')));
    const original = at(await model.task.score(model.path, model.path), 'perplexity');
    const around = statSync(model.path).size - (await weightBytes(floats));
    for (const type of TYPES) {
      const theirs = inFolder(`${type}.gguf`);
      llama('quantize', floats, theirs, String(fileTypeOf(type)), '2', '1', inFolder('imatrix.dat'));
      await convert(theirs, { into: model.path, output: inFolder(`${type}.onnx`) });
      const bytes = await weightBytes(theirs);
      const ours = inFolder(`${type}-ours.onnx`);
      const { problem } = await runTersor(['--max-size', `${((bytes + around) / 1000).toFixed(3)}kB`, ...data], model.path, ours);
      if (problem) throw new Error(problem);
      const scores = await Promise.all([inFolder(`${type}.onnx`), ours].map((path) => model.task!.score(path, model.path)));
      const [a = Number.NaN, b = Number.NaN] = scores.map((score) => at(score, 'perplexity'));
      yield { type, bytes: [bytes, statSync(ours).size - around], perplexity: [original, a, b] };
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function weightBytes(path: string): Promise<number> {
  const store = openNodeStore(dirname(path));
  const { weights }: Model = await gguf.open(store, basename(path));
  await store.close();
  return [...weights.values()].reduce((sum, weight) => sum + bytesOf(weight), 0);
}
