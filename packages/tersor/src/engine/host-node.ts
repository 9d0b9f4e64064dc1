/** The program of the engine's child process: loads a runtime and answers requests in order. Ends when its parent does. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Target } from '../core/format.ts';
import { peakMemory } from '../io/node-process.ts';
import { externalFiles } from './external-data.ts';
import { openHost, type Platform, type Runtime, wordsOf } from './host.ts';
import { isMessage } from './protocol.ts';

/** A WebAssembly memory ends at 4 GiB, and a model needs its bytes there twice. */
const MAX_WEB_MODEL_BYTES = 2 ** 31 - 1;

async function load(target: Target): Promise<Runtime> {
  if (target === 'node') {
    try {
      // Its native side takes halves as bits, and finds a Float16Array empty: https://github.com/microsoft/onnxruntime/pull/32323.
      // It uses bits where the engine knows nothing else, and this process is ours alone.
      Reflect.deleteProperty(globalThis, 'Float16Array');
      const { env, InferenceSession, Tensor } = await import('onnxruntime-node');
      return { kind: 'node', provider: 'cpu', env, InferenceSession, Tensor };
    } catch (error) {
      const why = wordsOf(error).split('\n')[0] ?? '';
      return {
        ...(await loadWeb()),
        notice: `onnxruntime-node cannot be loaded (${why}); using onnxruntime-web, which is slower. Install it with: ONNXRUNTIME_NODE_INSTALL=skip npm i onnxruntime-node`,
      };
    }
  }
  if (target === 'wasm') return loadWeb();
  return {
    ...(await loadWeb()),
    notice: 'WebGPU exists in browsers only; here the model runs on the WebAssembly side of onnxruntime-web',
  };
}

async function loadWeb(): Promise<Runtime> {
  const { env, InferenceSession, Tensor } = await import('onnxruntime-web');
  return { kind: 'web', provider: 'wasm', env, InferenceSession, Tensor };
}

/** The WebAssembly runtime sees no files: it is given the model's bytes and those of its external data. */
const create: Platform['create'] = async ({ kind, InferenceSession }, model, options) => {
  if ('bytes' in model) return InferenceSession.create(model.bytes, options);
  if (kind === 'node') return InferenceSession.create(model.path, options);
  const { size } = await stat(model.path);
  if (size > MAX_WEB_MODEL_BYTES) throw new Error(`a model of ${size} bytes is too large for WebAssembly: the limit is 2 GiB a file`);
  const bytes = await readFile(model.path);
  const files = await Promise.all(externalFiles(bytes).map((path) => readExternal(dirname(model.path), path)));
  return InferenceSession.create(bytes, { ...options, externalData: files.flat() });
};

async function readExternal(folder: string, path: string): Promise<{ readonly path: string; readonly data: Uint8Array }[]> {
  try {
    return [{ path, data: await readFile(join(folder, path)) }];
  } catch {
    return []; // the runtime says best what it misses
  }
}

const answer = openHost({ load, create, memory: peakMemory });

process.on('message', async (message: unknown) => {
  if (isMessage(message)) process.send?.(await answer(message));
});
process.on('disconnect', () => process.exit());
// Ctrl-C reaches the whole group; the parent decides what becomes of us.
process.on('SIGINT', () => {});
