/** The program of the engine's child process: loads a runtime and answers requests in order. Ends when its parent does. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Env, InferenceSession, InferenceSessionFactory, Tensor, TensorConstructor } from 'onnxruntime-web';
import type { Feeds, ModelSource, SessionOptions } from '../core/engine.ts';
import type { Target } from '../core/format.ts';
import { externalFiles } from './external-data.ts';
import { type Answer, type Ask, isMessage, type Kind, type Message, type Opened, type Reply } from './protocol.ts';
import { fromTensor, toTensor, toValueInfo } from './tensors.ts';

interface Runtime {
  readonly kind: 'node' | 'web';
  readonly env: Env;
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
}

interface Open {
  readonly session: InferenceSession;
  held: Readonly<Record<string, Tensor>>;
}

/** A WebAssembly memory ends at 4 GiB, and a model needs its bytes there twice. */
const MAX_WEB_MODEL_BYTES = 2 ** 31 - 1;

const sessions = new Map<number, Open>();
let loaded: Runtime | undefined;
let lastId = 0;

const handlers: { readonly [K in Kind]: (ask: Ask<K>) => Promise<Answer<K>> } = {
  load: async ({ target }) => {
    const { runtime, notice } = await load(target);
    loaded = runtime;
    const { env } = runtime;
    env.logLevel = 'fatal';
    env.wasm.numThreads = 1;
    env.wasm.proxy = false;
    const version = env.versions[runtime.kind] ?? env.versions.common;
    return { name: `onnxruntime-${runtime.kind} ${version}`, ...(notice && { notice }) };
  },
  open: ({ model, options }) => open(model, options),
  hold: async ({ session, values }) => {
    const entry = sessionOf(session);
    entry.held = { ...entry.held, ...tensorsOf(values) };
  },
  run: async ({ session, feeds, outputs }) => {
    const entry = sessionOf(session);
    const result = await run(entry, tensorsOf(feeds), outputs);
    return Object.fromEntries(Object.entries(result).map(([name, tensor]) => [name, fromTensor(tensor)]));
  },
  race: async ({ sessions: ids, feeds, rounds, warmup }) => race(ids.map(sessionOf), tensorsOf(feeds), rounds, warmup),
  memory: async () => process.resourceUsage().maxRSS * 1024,
  release: async ({ session }) => {
    const entry = sessions.get(session);
    sessions.delete(session);
    await entry?.session.release();
  },
};

async function load(target: Target): Promise<{ readonly runtime: Runtime; readonly notice?: string }> {
  if (target === 'node') {
    try {
      // Its native side takes halves as bits, and finds a Float16Array empty: https://github.com/microsoft/onnxruntime/pull/32323.
      // It uses bits where the engine knows nothing else, and this process is ours alone.
      Reflect.deleteProperty(globalThis, 'Float16Array');
      const { env, InferenceSession, Tensor } = await import('onnxruntime-node');
      return { runtime: { kind: 'node', env, InferenceSession, Tensor } };
    } catch (error) {
      const why = wordsOf(error).split('\n')[0] ?? '';
      return {
        runtime: await loadWeb(),
        notice: `onnxruntime-node cannot be loaded (${why}); using onnxruntime-web, which is slower. Install it with: ONNXRUNTIME_NODE_INSTALL=skip npm i onnxruntime-node`,
      };
    }
  }
  if (target === 'wasm') return { runtime: await loadWeb() };
  return {
    runtime: await loadWeb(),
    notice: 'WebGPU exists in browsers only; here the model runs on the WebAssembly side of onnxruntime-web',
  };
}

async function loadWeb(): Promise<Runtime> {
  const { env, InferenceSession, Tensor } = await import('onnxruntime-web');
  return { kind: 'web', env, InferenceSession, Tensor };
}

async function open(model: ModelSource, { threads = 1, optimize = 'all' }: SessionOptions): Promise<Opened> {
  const { kind, InferenceSession } = runtime();
  const options: InferenceSession.SessionOptions = {
    executionProviders: [kind === 'node' ? 'cpu' : 'wasm'],
    graphOptimizationLevel: optimize === 'all' ? 'all' : 'disabled',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  };
  const session =
    'path' in model && kind === 'node' ? await InferenceSession.create(model.path, options) : await openInMemory(model, options);
  const id = ++lastId;
  sessions.set(id, { session, held: {} });
  return { session: id, inputs: session.inputMetadata.map(toValueInfo), outputs: session.outputMetadata.map(toValueInfo) };
}

/** The WebAssembly runtime sees no files: it is given the model's bytes and those of its external data. */
async function openInMemory(model: ModelSource, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
  const { InferenceSession } = runtime();
  if ('bytes' in model) return InferenceSession.create(model.bytes, options);
  const { size } = await stat(model.path);
  if (size > MAX_WEB_MODEL_BYTES) throw new Error(`a model of ${size} bytes is too large for WebAssembly: the limit is 2 GiB a file`);
  const bytes = await readFile(model.path);
  const files = await Promise.all(externalFiles(bytes).map((path) => readExternal(dirname(model.path), path)));
  return InferenceSession.create(bytes, { ...options, externalData: files.flat() });
}

async function readExternal(folder: string, path: string): Promise<{ readonly path: string; readonly data: Uint8Array }[]> {
  try {
    return [{ path, data: await readFile(join(folder, path)) }];
  } catch {
    return []; // the runtime says best what it misses
  }
}

async function run(
  { session, held }: Open,
  feeds: Readonly<Record<string, Tensor>>,
  outputs?: readonly string[],
): Promise<InferenceSession.ReturnType> {
  const all = { ...held, ...feeds };
  return outputs ? session.run(all, [...outputs]) : session.run(all);
}

/** Neighbours in time meet the same noise, and going back and forth lets no session always run after the same other. */
async function race(
  entries: readonly Open[],
  feeds: Readonly<Record<string, Tensor>>,
  rounds: number,
  warmup: number,
): Promise<number[][]> {
  const times: number[][] = entries.map(() => []);
  for (let round = -warmup; round < rounds; round++) {
    const order = round % 2 === 0 ? [...entries.keys()] : [...entries.keys()].reverse();
    for (const index of order) {
      const start = performance.now();
      await run(entries[index]!, feeds);
      if (round >= 0) times[index]!.push(performance.now() - start);
    }
  }
  return times;
}

function runtime(): Runtime {
  if (!loaded) throw new Error('no runtime is loaded');
  return loaded;
}

function sessionOf(id: number): Open {
  const entry = sessions.get(id);
  if (!entry) throw new Error('the session is closed');
  return entry;
}

function tensorsOf(feeds: Feeds): Record<string, Tensor> {
  const { Tensor } = runtime();
  return Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toTensor(Tensor, name, value)]));
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function answer(message: Message): Promise<Reply> {
  const { id, kind } = message;
  try {
    const handle = handlers[kind] as (ask: Message) => Promise<unknown>;
    return { id, value: await handle(message) };
  } catch (error) {
    return { id, error: wordsOf(error) };
  }
}

let last: Promise<unknown> = Promise.resolve();

process.on('message', (message: unknown) => {
  if (!isMessage(message)) return;
  last = last.then(async () => process.send?.(await answer(message)));
});
process.on('disconnect', () => process.exit());
// Ctrl-C reaches the whole group; the parent decides what becomes of us.
process.on('SIGINT', () => {});
