import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Engine, Session } from '../core/engine.ts';
import { type ErrorCode, TersorError } from '../core/error.ts';
import type { Target } from '../core/format.ts';
import { type Answer, type Ask, isReply, type Kind } from './protocol.ts';
import { cleanWords } from './words.ts';

export interface EngineOptions {
  /** The runtime that the result is for; `node` falls back to WebAssembly where the native one cannot be loaded, and says so in `notice`. */
  readonly target?: Target;
  /** Ends the runtime at once, in the middle of a run too. */
  readonly signal?: AbortSignal;
}

/** What the child was asked, for its errors. */
interface Task {
  /** The model, for people. */
  readonly where: string;
  /** "opening", "running": what was going on. */
  readonly doing: string;
  /** The error that the runtime's refusal is. */
  readonly refused: ErrorCode;
}

interface Pending extends Task {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: TersorError) => void;
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
    const { name, notice } = await host.ask('load', { target }, { where: 'onnxruntime', doing: 'loading', refused: 'ENGINE_MISSING' });
    return engineOver(host, name, notice);
  } catch (error) {
    await host.end();
    throw error;
  }
}

function engineOver(host: Host, name: string, notice: string | undefined): Engine {
  const ids = new WeakMap<Session, number>();
  const idOf = (session: Session) => {
    const id = ids.get(session);
    if (id === undefined) throw new TersorError('USAGE', name, 'the session belongs to another engine');
    return id;
  };
  return {
    name,
    ...(notice !== undefined && { notice }),
    async open(model, options = {}) {
      const where = 'path' in model ? basename(model.path) : 'model';
      const running: Task = { where, doing: 'running', refused: 'RUN_FAILED' };
      const opened = await host.ask('open', { model, options }, { where, doing: 'opening', refused: 'MODEL_INVALID' });
      const id = opened.session;
      const session: Session = {
        inputs: opened.inputs,
        outputs: opened.outputs,
        hold: (values) => host.ask('hold', { session: id, values }, running),
        run: (feeds, outputs) => host.ask('run', { session: id, feeds, ...(outputs && { outputs }) }, running),
        close: () => (host.ended() ? Promise.resolve() : host.ask('release', { session: id }, { ...running, doing: 'closing' })),
      };
      ids.set(session, id);
      return session;
    },
    race: (sessions, feeds, { rounds, warmup }) =>
      host.ask('race', { sessions: sessions.map(idOf), feeds, rounds, warmup }, { where: name, doing: 'timing', refused: 'RUN_FAILED' }),
    peakMemory: () => host.ask('memory', {}, { where: name, doing: 'measuring memory', refused: 'INTERNAL' }),
    close: () => host.end(),
  };
}

interface Host {
  ask<K extends Kind>(kind: K, ask: Ask<K>, task: Task): Promise<Answer<K>>;
  ended(): boolean;
  end(): Promise<void>;
}

function startHost(signal: AbortSignal | undefined): Host {
  const child = fork(fileURLToPath(HOST), [], { serialization: 'advanced', execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const printed = collectPrinted(child);
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let over: ((task: Task) => TersorError) | undefined;

  const fail = (why: (task: Task) => TersorError) => {
    over ??= why;
    for (const { reject, ...task } of pending.values()) reject(over(task));
    pending.clear();
  };
  const kill = () => void child.kill('SIGKILL');
  const abort = () => {
    fail(({ where }) => new TersorError('INTERRUPTED', where, 'stopped on request'));
    kill();
  };
  const exited = new Promise<void>((resolve) => {
    // An ended child holds nothing open, and what it printed only while somebody reads it: without this the process could end first.
    child.once('exit', () => setStreams(child, 'ref'));
    child.once('close', (status, ended) => {
      process.off('exit', kill);
      signal?.removeEventListener('abort', abort);
      fail((task) => crashed(task, ended ? `ended by ${ended}` : `exited with status ${status}`, printed()));
      resolve();
    });
    child.once('error', (error) => {
      fail((task) => crashed(task, error.message, printed()));
      if (child.pid === undefined) resolve();
    });
  });
  process.on('exit', kill);
  child.on('message', (message: unknown) => {
    if (!isReply(message)) return;
    const task = pending.get(message.id);
    pending.delete(message.id);
    if (pending.size === 0) letGo(child);
    if (!task) return;
    if ('value' in message) task.resolve(message.value);
    else task.reject(new TersorError(task.refused, task.where, cleanWords(message.error)));
  });
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  letGo(child);

  return {
    ended: () => over !== undefined,
    ask<K extends Kind>(kind: K, ask: Ask<K>, task: Task): Promise<Answer<K>> {
      return new Promise((resolve, reject) => {
        if (over) return reject(over(task));
        const id = ++lastId;
        // The host is our own code, and `Requests` is what both sides are checked against.
        pending.set(id, { ...task, resolve: (value) => resolve(value as Answer<K>), reject });
        holdOn(child);
        child.send({ id, kind, ...ask }, (error) => error && pending.has(id) && fail((about) => crashed(about, error.message, printed())));
      });
    },
    /** An idle host has nothing to save. */
    end() {
      over ??= ({ where }) => new TersorError('USAGE', where, 'the engine is closed');
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

function crashed({ where, doing }: Task, how: string, printed: string): TersorError {
  const hint = how.includes('SIGKILL') ? 'the system may have run out of memory' : '';
  return new TersorError('ENGINE_CRASHED', where, `the runtime died while ${doing} (${how})${printed && `\n${printed}`}`, hint);
}
