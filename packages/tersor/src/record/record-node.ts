import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import type { Recording } from '../data/recording.ts';
import { claimFolder, type RecordingFolder } from './folder-node.ts';
import { type Limits, openRecorder, type Recorder } from './recorder-node.ts';

/** What a session of onnxruntime-node or onnxruntime-web is to us. */
export interface Recordable {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(...args: never[]): Promise<unknown>;
}

export interface RecordOptions {
  /** The model's path or bytes, as the session was made from: `--data` finds the recording by its hash. Without, it is found by the names of inputs and outputs. */
  readonly model?: string | Uint8Array | ArrayBuffer;
  /** What the recording is called; the model's file name unless told. */
  readonly name?: string;
  /** At most so many runs or, of models with state, sequences are kept; a fair sample of all. 256 unless told. */
  readonly samples?: number;
  /** Longer sequences are cut. 256 unless told. */
  readonly steps?: number;
  /** At most so many bytes are kept. 500 MB unless told. */
  readonly bytes?: number;
  /** What is kept depends on it. 0 unless told. */
  readonly seed?: number;
}

const DEFAULTS: Limits = { samples: 256, steps: 256, bytes: 500e6, seed: 0 };

const recorded = new WeakSet<object>();

/**
 * Keeps what is fed to a session in a folder on this machine, for `tersor --data <folder>`: a fair sample of all runs; of models with state, whole
 * sequences. Nothing is sent anywhere. The session is the same one as before, and goes on when something cannot be kept. Runs that fail are not kept.
 * @param folder  undefined records nothing, at no cost: `record(session, process.env.RECORD_TO)`
 */
export function record<S extends Recordable>(session: S, folder: string | undefined, options: RecordOptions = {}): S {
  if (folder === undefined || folder === '' || recorded.has(session)) return session;
  recorded.add(session);
  const keep = guarded(() => keeperFor(session, folder, options));
  if (!keep) return session;
  const { run } = session;
  let broken = false;
  const attempt = <T>(work: () => T): T | undefined =>
    broken
      ? undefined
      : guarded(work, () => {
          broken = true;
        });
  Object.defineProperty(session, 'run', {
    configurable: true,
    writable: true,
    value: async (feeds: unknown, ...rest: unknown[]) => {
      const done = attempt(() => keep(fieldsOf(feeds)));
      const outputs: unknown = await Reflect.apply(run, session, [feeds, ...rest]);
      if (done) attempt(() => done(fieldsOf(outputs)));
      return outputs;
    },
  });
  return session;
}

/** An application must not fail because its inputs cannot be kept. */
function guarded<T>(work: () => T, onFailure?: () => void): T | undefined {
  try {
    return work();
  } catch (error) {
    process.emitWarning(`recording stopped: ${error instanceof Error ? error.message : String(error)}`, 'tersor');
    onFailure?.();
    return undefined;
  }
}

/** Sessions of one model in one process record into one folder. */
const keepers = new Map<string, Keeper>();

interface Keeper {
  readonly before: Recorder['before'];
  finish(): void;
}

function keeperFor({ inputNames, outputNames }: Recordable, root: string, options: RecordOptions): Recorder['before'] {
  const { samples = DEFAULTS.samples, steps = DEFAULTS.steps, bytes = DEFAULTS.bytes, seed = DEFAULTS.seed } = options;
  const names = { inputs: [...inputNames], outputs: [...outputNames] };
  const model = identify(options);
  const digest = model.sha256 ?? createHash('sha256').update(JSON.stringify(names)).digest('hex');
  const name = `${slug(model.name)}-${digest.slice(0, 8)}`;
  const key = resolve(root, name);
  let keeper = keepers.get(key);
  if (!keeper) {
    if (keepers.size === 0) process.once('exit', finishAll);
    keeper = openKeeper(claimFolder(resolve(root), name), { model, ...names, seen: 0 }, { samples, steps, bytes, seed });
    keepers.set(key, keeper);
  }
  return keeper.before;
}

function finishAll(): void {
  for (const { finish } of keepers.values()) guarded(finish);
}

function openKeeper(folder: RecordingFolder, recording: Recording, limits: Limits): Keeper {
  const recorder = openRecorder(folder, recording, limits);
  const describe = () => folder.describe({ ...recording, seen: recorder.seen() });
  describe();
  let described = recorder.seen();
  return {
    before(feeds) {
      const done = recorder.before(feeds);
      return (outputs) => {
        done(outputs);
        if (recorder.seen() < described * 1.1 + 1) return;
        described = recorder.seen();
        describe();
      };
    },
    finish() {
      recorder.finish();
      describe();
      folder.release();
    },
  };
}

function identify({ model, name }: RecordOptions): Recording['model'] {
  if (typeof model === 'string') {
    const sha256 = hashFile(model);
    return { name: name ?? (basename(model) || 'model'), ...(sha256 && { sha256 }) };
  }
  const sha256 = model && createHash('sha256').update(new Uint8Array(model)).digest('hex');
  return { name: name ?? 'model', ...(sha256 && { sha256 }) };
}

const CHUNK = 2 ** 22;

/** Undefined for what is no file here: an address. */
function hashFile(path: string): string | undefined {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(CHUNK);
  const file = openSync(path, 'r');
  try {
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) hash.update(chunk.subarray(0, read));
    return hash.digest('hex');
  } finally {
    closeSync(file);
  }
}

/** The part of a name that every file system takes. */
function slug(name: string): string {
  return (
    basename(name, extname(name))
      .replace(/[^\w.-]+/g, '_')
      .replace(/^\.+/, '')
      .slice(0, 64) || 'model'
  );
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
