import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { TersorError } from '../core/error.ts';
import { adviceOf, reasonOf, WRITING } from './node-file.ts';
import type { Journal } from './node-journal.ts';
import { mustBeReplaceable } from './node-replaceable.ts';
import { mustNotBeInput } from './node-same-file.ts';
import { FILES, openStage, type StageOptions } from './node-stage.ts';

/** A hidden folder beside a result's final place, where results are written and proven before anybody sees them. */
export interface Scratch {
  /** The file name that the result will have, and has here already: other files may refer to it. */
  readonly name: string;
  /** An empty folder for one attempt. The one before it is given up unless it is held: a disk that holds two results need not hold ten. */
  attempt(): Promise<string>;
  /** This attempt stays while others are made; the one that was held until now is given up. */
  hold(attempt: string): Promise<void>;
  /** Moves an attempt's files to their place, the main one last. @throws USAGE, FILE_EXISTS unless forced, FILE_WRITE */
  publish(attempt: string): Promise<void>;
  /** What was written until now stays for a later run. */
  leave(): void;
  /** Removes every attempt that was neither published nor left. Never throws. */
  remove(): Promise<void>;
  /** Of the first attempt, where a stage was asked for; there is none for those after it. */
  journal(): Journal | undefined;
}

export interface ScratchOptions {
  /** Whether existing files may be replaced. */
  readonly force?: boolean;
  /** Files that may not be replaced even then: the input's. */
  readonly inputs?: readonly string[];
  /** For a first attempt that a later run can go on with. */
  readonly stage?: StageOptions;
}

/**
 * @param target  where the result will go
 * @throws USAGE when that is one of the inputs or no name; FILE_EXISTS at once, not after the work, when the target is there and may not be
 *   replaced; USAGE when what an interrupted run left cannot be gone on with; FILE_WRITE
 */
export async function openScratch(target: string, { force = false, inputs = [], stage: asked }: ScratchOptions = {}): Promise<Scratch> {
  if (/(^|[/\\])$/.test(target)) throw new TersorError('USAGE', `"${target}"`, 'is no name of a file', 'name the file to write');
  const name = basename(target);
  const folder = await guarded(target, async () => dirname(resolve(target)));
  await mustNotBeInput(inputs, target);
  await mustBeReplaceable(target, force);
  const stage = asked && (await guarded(target, () => openStage(folder, name, asked)));
  const root = stage?.root ?? (await guarded(target, () => mkdtemp(join(folder, '.tersor-'))));
  let keeps = false;
  const removeNow = () => asked?.resume || rmSync(root, { recursive: true, force: true });
  process.once('exit', removeNow); // whoever ends the process in the middle, it leaves nothing behind unless that was asked for
  let attempts = 0;
  let last: string | undefined;
  let held: string | undefined;
  const drop = (path: string | undefined) => path !== undefined && rm(path, { recursive: true, force: true });
  return {
    name,
    async attempt() {
      if (last !== held) await drop(last);
      const path = join(root, String(attempts++));
      await guarded(target, () => mkdir(path, { recursive: true }));
      last = path;
      return path;
    },
    async hold(attempt) {
      if (held !== attempt) await drop(held);
      held = attempt;
    },
    journal: () => (attempts <= 1 ? stage?.journal : undefined),
    async publish(attempt) {
      const files = (await readdir(attempt)).sort((a, b) => Number(a === name) - Number(b === name));
      for (const file of files) {
        await mustNotBeInput(inputs, join(folder, file));
        await mustBeReplaceable(join(folder, file), force);
      }
      if (basename(attempt) === FILES) await stage?.journal.publish();
      for (const file of files) await guarded(target, () => rename(join(attempt, file), join(folder, file)));
    },
    leave() {
      keeps = true;
    },
    async remove() {
      await stage?.close().catch(() => {});
      if (!keeps) await rm(root, { recursive: true, force: true }).catch(() => {});
      process.off('exit', removeNow);
    },
  };
}

async function guarded<T>(target: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof TersorError) throw cause;
    throw new TersorError('FILE_WRITE', target, reasonOf(cause, WRITING), adviceOf(cause), { cause });
  }
}
