import { readFileSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { TersorError } from '../core/error.ts';
import { bytesText } from '../core/text/units.ts';
import { type Journal, openJournal } from './node-journal.ts';
import { type Authorship, type JournalRecord, readJournal } from './node-journal-record.ts';

/** How a result is staged that is worth going on with. */
export interface StageOptions extends Omit<Authorship, 'target'> {
  /** Goes on with what an interrupted run left, and leaves it when this one is. */
  readonly resume: boolean;
  /** Told what became of an interrupted run. */
  note(message: string): void;
}

const PREFIX = '.tersor-';
const JOURNAL = 'journal';
/** The attempt that has a journal. */
export const FILES = '0';

/** Stages of this process: they are nobody's leftovers. */
const own = new Set<string>();

/**
 * A hidden folder for a result, with a journal of what was written: a new one, or that of an interrupted run. Leftovers that are not gone on with are removed.
 * @throws USAGE when `resume` finds only what cannot be gone on with, or a run that is not over; FILE_WRITE
 */
export async function openStage(
  folder: string,
  target: string,
  { resume, note, ...authorship }: StageOptions,
): Promise<{ readonly root: string; readonly journal: Journal; close(): Promise<void> }> {
  const asked: Authorship = { target, ...authorship };
  const left = await leftoversOf(folder, target);
  const found = resume ? await chosen(left, asked) : undefined;
  for (const each of left) if (!isRunning(each)) await takeBack(folder, each);
  for (const each of left) {
    if (each === found || isRunning(each)) continue;
    await rm(each.root, { recursive: true, force: true });
    if (!resume)
      note(`an interrupted run had written ${bytesText(bytesOf(each.record))}, which were removed; --resume would have gone on with them`);
  }
  if (resume && !found) note('no interrupted run of this result was found: it was written from the beginning');
  const root = found?.root ?? (await mkdtemp(join(folder, PREFIX)));
  try {
    const journal = await openJournal(join(root, JOURNAL), asked, found?.record);
    own.add(root);
    return {
      root,
      journal,
      async close() {
        await journal.close();
        own.delete(root);
      },
    };
  } catch (error) {
    if (!found) await rm(root, { recursive: true, force: true });
    throw error;
  }
}

/** The disk is full, or a name is taken: the same run may come again when that is mended. */
export function isInTheWay(error: unknown): boolean {
  return error instanceof TersorError && ['FILE_WRITE', 'FILE_EXISTS'].includes(error.code);
}

interface Leftover {
  readonly root: string;
  readonly record: JournalRecord;
}

/** Stages of `target`: folders of ours, not links that somebody laid out. */
async function leftoversOf(folder: string, target: string): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const root = join(folder, name);
    if (!name.startsWith(PREFIX) || own.has(root) || !(await isOwnFolder(root))) continue;
    const record = await readJournal(join(root, JOURNAL));
    if (record?.authorship.target !== target) continue;
    if (await isOver({ root, record })) await rm(root, { recursive: true, force: true });
    else found.push({ root, record });
  }
  return found;
}

async function isOwnFolder(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isDirectory() === true && (process.getuid === undefined || found.uid === process.getuid());
}

/** The one that is gone on with. */
async function chosen(left: readonly Leftover[], asked: Authorship): Promise<Leftover | undefined> {
  const running = left.find(isRunning);
  if (running) {
    const { pid, host } = running.record.owner;
    const where = host === hostname() ? '' : ` on ${host}`;
    throw new TersorError(
      'USAGE',
      asked.target,
      `is being written by process ${pid}${where}`,
      `wait for it; if it is no more, remove ${running.root}`,
    );
  }
  const same = left.filter(({ record }) => differenceOf(record.authorship, asked) === undefined);
  const [first] = same.sort((a, b) => bytesOf(b.record) - bytesOf(a.record));
  const [other] = left;
  if (first || !other) return first;
  throw new TersorError(
    'USAGE',
    '--resume',
    `what an interrupted run left of ${asked.target} is of ${differenceOf(other.record.authorship, asked)}`,
    'repeat that run, or begin anew without --resume',
  );
}

function differenceOf(found: Authorship, asked: Authorship): string | undefined {
  if (found.model !== asked.model) return 'another model, or of one that has changed since';
  if (found.recipe !== asked.recipe) return 'another recipe';
  return found.version === asked.version ? undefined : `another version of tersor, ${found.version}`;
}

function isRunning({ record: { owner } }: Leftover): boolean {
  if (owner.host !== hostname()) return true; // nobody here can tell
  if (owner.pid === process.pid) return false; // whoever had this number before
  try {
    process.kill(owner.pid, 0);
    return !isZombie(owner.pid);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/** Ended, and nobody asked yet how: for ever, where the first process of a container asks nobody. Only Linux says so. */
function isZombie(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** A run that ended while its files left one by one: they come back, so that the result is there whole or not at all. */
async function takeBack(folder: string, { root, record }: Leftover): Promise<void> {
  if (!record.isPublishing) return;
  for (const [file, marks] of record.marks) {
    if (basename(file) !== file || (await isStaged(root, file))) continue;
    const there = await lstat(join(folder, file)).catch(() => undefined);
    if (there?.isFile() && there.size === marks.at(-1)?.end) await rename(join(folder, file), join(root, FILES, file));
  }
}

/** The target leaves last: when it is gone, all was done. */
async function isOver({ root, record }: Leftover): Promise<boolean> {
  return record.isPublishing && !(await isStaged(root, record.authorship.target));
}

async function isStaged(root: string, file: string): Promise<boolean> {
  return (await lstat(join(root, FILES, file)).catch(() => undefined)) !== undefined;
}

function bytesOf({ marks }: JournalRecord): number {
  return [...marks.values()].reduce((sum, each) => sum + (each.at(-1)?.end ?? 0), 0);
}
