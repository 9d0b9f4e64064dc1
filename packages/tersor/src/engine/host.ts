import type { Env, InferenceSession, InferenceSessionFactory, Tensor, TensorConstructor } from 'onnxruntime-web';
import type { Feeds, Fold, Folded, ModelSource } from '../core/engine.ts';
import { fold } from '../core/fold.ts';
import type { Target } from '../core/format.ts';
import type { StateLink } from '../core/state-links.ts';
import type { Loops } from '../kernels/loops.ts';
import { compileKernels, wasmLoops } from '../kernels/wasm.ts';
import type { Answer, Ask, Kind, Message, Reply } from './protocol.ts';
import { fromTensor, toTensor, toValueInfo } from './tensors.ts';

/** onnxruntime in one of its builds. */
export interface Runtime {
  readonly kind: 'node' | 'web';
  readonly provider: 'cpu' | 'wasm' | 'webgpu';
  readonly env: Env;
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
  /** What belongs behind its name: "on WebGPU (apple)". */
  readonly about?: string;
  /** See `Engine.notice`. */
  readonly notice?: string;
}

/** What differs between a process and a page. */
export interface Platform {
  load(target: Target): Promise<Runtime>;
  create(runtime: Runtime, model: ModelSource, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  /** Peak resident bytes so far; undefined where it cannot be known. */
  memory(): number | undefined;
}

interface Open {
  readonly session: InferenceSession;
  held: Readonly<Record<string, Tensor>>;
  /** By output and how it is folded. */
  readonly folded: Map<string, Folded>;
}

type Handlers = { readonly [K in Kind]: (ask: Ask<K>) => Promise<Answer<K>> };

/** Answers requests about models, in order. */
export function openHost(platform: Platform): (message: Message) => Promise<Reply> {
  const handlers = handlersOf(platform);
  let last: Promise<unknown> = Promise.resolve();
  return (message) => {
    const reply = last.then(() => answer(handlers, message));
    last = reply;
    return reply;
  };
}

async function answer(handlers: Handlers, message: Message): Promise<Reply> {
  const { id, kind } = message;
  try {
    const handle = handlers[kind] as (ask: Message) => Promise<unknown>;
    return { id, value: await handle(message) };
  } catch (error) {
    return { id, error: wordsOf(error) };
  }
}

function handlersOf(platform: Platform): Handlers {
  const sessions = new Map<number, Open>();
  let loaded: Runtime | undefined;
  let lastId = 0;
  let counting: Promise<Loops> | undefined;
  const runtime = () => {
    if (!loaded) throw new Error('no runtime is loaded');
    return loaded;
  };
  const sessionOf = (id: number) => {
    const entry = sessions.get(id);
    if (!entry) throw new Error('the session is closed');
    return entry;
  };
  const tensorsOf = (feeds: Feeds): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toTensor(runtime().Tensor, name, value)]));
  return {
    load: async ({ target }) => {
      loaded = await platform.load(target);
      const { env, kind, about, notice } = loaded;
      env.logLevel = 'fatal';
      env.wasm.numThreads = 1;
      env.wasm.proxy = false;
      const name = `onnxruntime-${kind} ${env.versions[kind] ?? env.versions.common}`;
      return { name: about === undefined ? name : `${name} ${about}`, ...(notice !== undefined && { notice }) };
    },
    open: async ({ model, options: { threads = 1, optimize = 'all', frugal = false } }) => {
      const session = await platform.create(runtime(), model, {
        executionProviders: [runtime().provider],
        graphOptimizationLevel: optimize === 'all' ? 'all' : 'disabled',
        enableCpuMemArena: !frugal,
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: 4,
      });
      const id = ++lastId;
      sessions.set(id, { session, held: {}, folded: new Map() });
      return { session: id, inputs: session.inputMetadata.map(toValueInfo), outputs: session.outputMetadata.map(toValueInfo) };
    },
    hold: async ({ session, values }) => {
      const entry = sessionOf(session);
      entry.held = { ...entry.held, ...tensorsOf(values) };
    },
    run: async ({ session, feeds, outputs }) => valuesOf(await run(sessionOf(session), tensorsOf(feeds), outputs)),
    steps: async ({ session, steps, links }) => {
      const results: Feeds[] = [];
      for await (const result of runSteps(sessionOf(session), steps.map(tensorsOf), links)) results.push(valuesOf(result));
      return results;
    },
    fold: async ({ parts: ids, steps, links, folds }) => {
      const parts = ids.map(sessionOf);
      counting ??= compileKernels().then(wasmLoops);
      const { countInto } = await counting;
      const join = (name: string, tensor: Tensor) => {
        for (const each of folds) {
          if (each.output !== name) continue;
          const joined = fold(each, parts[0]?.folded.get(keyOf(each)), fromTensor(tensor), countInto);
          if (joined) parts[0]?.folded.set(keyOf(each), joined);
        }
      };
      await runParts(parts, steps.map(tensorsOf), links, join);
      return undefined;
    },
    folded: async ({ session, fold: asked }) => {
      const { folded } = sessionOf(session);
      const found = folded.get(keyOf(asked));
      folded.delete(keyOf(asked));
      return found;
    },
    race: async ({ sessions: ids, feeds, rounds, warmup }) => race(ids.map(sessionOf), tensorsOf(feeds), rounds, warmup),
    memory: async () => platform.memory(),
    release: async ({ session }) => {
      const entry = sessions.get(session);
      sessions.delete(session);
      await entry?.session.release();
    },
  };
}

function valuesOf(tensors: InferenceSession.ReturnType): Feeds {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, fromTensor(tensor)]));
}

async function run(
  { session, held }: Open,
  feeds: Readonly<Record<string, Tensor>>,
  outputs?: readonly string[],
): Promise<InferenceSession.ReturnType> {
  const all = { ...held, ...feeds };
  return outputs ? session.run(all, [...outputs]) : session.run(all);
}

/** One after the other; what links name goes from each step to the next, unless the step gives it. */
async function* runSteps(
  entry: Open,
  steps: readonly Readonly<Record<string, Tensor>>[],
  links: readonly StateLink[],
): AsyncGenerator<InferenceSession.ReturnType> {
  let state: Record<string, Tensor> = {};
  for (const step of steps) {
    const result = await run(entry, { ...state, ...step });
    yield result;
    state = nextState(result, links);
  }
}

/** Steps of a model in parts. Outputs are seen as soon as their part has run; only those are kept that other parts or the next step need. */
async function runParts(
  parts: readonly Open[],
  steps: readonly Readonly<Record<string, Tensor>>[],
  links: readonly StateLink[],
  see: (output: string, tensor: Tensor) => void,
): Promise<void> {
  const needed = new Set([...parts.flatMap(({ session }) => session.inputNames), ...links.map(({ output }) => output)]);
  let state: Record<string, Tensor> = {};
  for (const step of steps) {
    const known: Record<string, Tensor> = { ...state, ...step };
    for (const part of parts) {
      const feeds = Object.fromEntries(part.session.inputNames.flatMap((name) => (known[name] ? [[name, known[name]]] : [])));
      for (const [name, tensor] of Object.entries(await run(part, feeds))) {
        see(name, tensor);
        if (needed.has(name)) known[name] = tensor;
      }
    }
    state = nextState(known, links);
  }
}

function nextState(values: Readonly<Record<string, Tensor>>, links: readonly StateLink[]): Record<string, Tensor> {
  return Object.fromEntries(links.flatMap(({ input, output }) => (values[output] ? [[input, values[output]]] : [])));
}

function keyOf({ how, output, size }: Fold): string {
  return `${how} ${size} ${output}`;
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

export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
