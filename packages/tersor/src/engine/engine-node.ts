import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { Target } from '../core/format.ts';
import { openAsks } from './asks.ts';
import { crashed, engineOver, type Host } from './engine-over.ts';
import { isReply } from './protocol.ts';

export interface EngineOptions {
  /** The runtime that the result is for; `node` falls back to WebAssembly where the native one cannot be loaded, and says so in `notice`. */
  readonly target?: Target;
  /** Ends the runtime at once, in the middle of a run too. */
  readonly signal?: AbortSignal;
}

/** Sources that run unbuilt (tests, tools) start what was built; published code starts its neighbour. */
const HOST = new URL(import.meta.url.endsWith('.ts') ? '../../dist/engine/host-node.js' : './host-node.js', import.meta.url);

/** Of what the runtime printed, the last that errors show. */
const MAX_PRINTED_CHARACTERS = 4000;
const SHOWN_LINES = 5;

/**
 * Starts a runtime in a process of its own, which ends with ours.
 * @throws ENGINE_MISSING when no runtime can be loaded, ENGINE_CRASHED, INTERRUPTED
 */
export async function openEngine({ target = 'node', signal }: EngineOptions = {}): Promise<Engine> {
  const host = startHost(signal);
  try {
    return engineOver(host, await host.ask('load', { target }, { where: 'onnxruntime', doing: 'loading', refused: 'ENGINE_MISSING' }));
  } catch (error) {
    await host.end();
    throw error;
  }
}

function startHost(signal: AbortSignal | undefined): Host {
  const child = fork(fileURLToPath(HOST), [], { serialization: 'advanced', execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const printed = collectPrinted(child);
  const asks = openAsks((message) => {
    holdOn(child);
    child.send(message, (error) => error && asks.waiting > 0 && asks.fail((about) => crashed(about, error.message, printed())));
  });
  const kill = () => void child.kill('SIGKILL');
  const abort = () => {
    asks.fail(({ where }) => new TersorError('INTERRUPTED', where, 'stopped on request'));
    kill();
  };
  const exited = new Promise<void>((resolve) => {
    // An ended child holds nothing open, and what it printed only while somebody reads it: without this the process could end first.
    child.once('exit', () => setStreams(child, 'ref'));
    child.once('close', (status, ended) => {
      process.off('exit', kill);
      signal?.removeEventListener('abort', abort);
      asks.fail((task) => crashed(task, ended ? `ended by ${ended}` : `exited with status ${status}`, printed()));
      resolve();
    });
    child.once('error', (error) => {
      asks.fail((task) => crashed(task, error.message, printed()));
      if (child.pid === undefined) resolve();
    });
  });
  process.on('exit', kill);
  child.on('message', (message: unknown) => {
    if (!isReply(message)) return;
    asks.settle(message);
    if (asks.waiting === 0) letGo(child);
  });
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  letGo(child);

  return {
    ask: asks.ask,
    reach: (model) => model,
    ended: asks.failed,
    /** An idle host has nothing to save. */
    end() {
      asks.fail(({ where }) => new TersorError('USAGE', where, 'the engine is closed'));
      child.ref();
      kill();
      return exited;
    },
  };
}

/** While something is asked, our process stays alive for the answer; an idle engine does not hold it. */
function holdOn(child: ChildProcess): void {
  child.ref();
  child.channel?.ref?.();
}

function letGo(child: ChildProcess): void {
  child.unref();
  child.channel?.unref?.();
}

/** Whether what the child may still print keeps our process alive. */
function setStreams({ stdout, stderr }: ChildProcess, how: 'ref' | 'unref'): void {
  for (const stream of [stdout, stderr]) if (stream instanceof Socket) stream[how]();
}

/** Keeps the end of what the child prints, so that it reaches no terminal but an error. */
function collectPrinted(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-MAX_PRINTED_CHARACTERS);
    });
  }
  setStreams(child, 'unref');
  return () => text.trim().split('\n').slice(-SHOWN_LINES).join('\n');
}
