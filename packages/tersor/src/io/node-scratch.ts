import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { TersorError } from '../core/error.ts';
import { mustNotBeInput } from './node-same-file.ts';

/** A hidden folder beside a result's final place, where results are written and proven before anybody sees them. */
export interface Scratch {
  /** The file name that the result will have, and has here already: other files may refer to it. */
  readonly name: string;
  /** An empty folder for one attempt. */
  attempt(): Promise<string>;
  /** Moves an attempt's files to their place, the main one last. @throws USAGE, FILE_EXISTS unless forced, FILE_WRITE */
  publish(attempt: string): Promise<void>;
  /** Removes every attempt that was not published. Never throws. */
  remove(): Promise<void>;
}

export interface ScratchOptions {
  /** Whether existing files may be replaced. */
  readonly force?: boolean;
  /** Files that may not be replaced even then: the input's. */
  readonly inputs?: readonly string[];
}

/**
 * @param target  where the result will go
 * @throws USAGE when that is one of the inputs; FILE_EXISTS at once, not after the work, when the target is there and may not be replaced; FILE_WRITE
 */
export async function openScratch(target: string, { force = false, inputs = [] }: ScratchOptions = {}): Promise<Scratch> {
  const name = basename(target);
  const folder = dirname(resolve(target));
  await mustNotBeInput(inputs, target);
  if (!force) await mustBeFree(target);
  const root = await guarded(target, () => mkdtemp(join(folder, '.tersor-')));
  let attempts = 0;
  return {
    name,
    async attempt() {
      const path = join(root, String(attempts++));
      await guarded(target, () => mkdir(path));
      return path;
    },
    async publish(attempt) {
      const files = (await readdir(attempt)).sort((a, b) => Number(a === name) - Number(b === name));
      for (const file of files) {
        await mustNotBeInput(inputs, join(folder, file));
        if (!force) await mustBeFree(join(folder, file));
      }
      for (const file of files) await guarded(target, () => rename(join(attempt, file), join(folder, file)));
    },
    remove: () => rm(root, { recursive: true, force: true }).catch(() => {}),
  };
}

async function mustBeFree(path: string): Promise<void> {
  const taken = await access(path).then(
    () => true,
    () => false,
  );
  if (taken) throw new TersorError('FILE_EXISTS', path, 'exists already', 'choose another name with -o, or overwrite it with --force');
}

async function guarded<T>(target: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : '';
    const hints: Record<string, string> = {
      ENOENT: 'the folder does not exist: make it first',
      ENOTDIR: 'the folder is a file: choose another place with -o',
      EACCES: 'no permission to write there: choose another place with -o',
      EPERM: 'no permission to write there: choose another place with -o',
      EROFS: 'the file system is read-only: choose another place with -o',
      ENOSPC: 'the disk is full: free some space, or choose another place with -o',
    };
    const what = cause instanceof Error ? cause.message.replace(/, \w+ '.*$/s, '') : String(cause);
    throw new TersorError('FILE_WRITE', target, what, hints[String(code)] ?? 'choose another place with -o', { cause });
  }
}
