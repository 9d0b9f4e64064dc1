import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Who writes, and what: only the same is gone on with. */
export interface Authorship {
  /** The name of the result. */
  readonly target: string;
  /** Of tersor. */
  readonly version: string;
  /** Digests of all that decides the bytes. */
  readonly recipe: string;
  readonly model: string;
}

/** A process, on this machine or another one that sees the same disk. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
}

/** From `start` to before `end`, the file is what it should be when that has this digest. */
export interface Mark {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly sha256: string;
}

/** A line of a journal. The first one says whose it is, and later ones count more. */
export type Line = { readonly journal: Authorship } | { readonly owner: Owner } | { readonly mark: Mark } | { readonly publishing: true };

/** What a journal says. */
export interface JournalRecord {
  readonly authorship: Authorship;
  readonly owner: Owner;
  /** Files had begun to leave for their places. What is gone on with is staged again. */
  readonly isPublishing: boolean;
  /** By file, in order and without gaps. */
  readonly marks: ReadonlyMap<string, readonly Mark[]>;
  /** Bytes of the journal that say this: what was being written when the run ended is behind them. */
  readonly length: number;
}

/** A mark takes some 150 bytes, and stands for a megabyte at least. */
const MOST_BYTES = 2 ** 26;

/** What the journal at `path` says; undefined where there is none, or nothing to be read. Never throws. */
export async function readJournal(path: string): Promise<JournalRecord | undefined> {
  const lines = (await textOf(path).catch(() => '')).split('\n').slice(0, -1); // what is behind the last end of a line was cut off
  const marks = new Map<string, readonly Mark[]>();
  let authorship: Authorship | undefined;
  let owner: Owner | undefined;
  let isPublishing = false;
  let length = 0;
  for (const text of lines) {
    const line = parsed(text);
    if ((length === 0) !== (authorshipIn(line) !== undefined)) break;
    const [mark, next] = [markIn(line), ownerIn(line)];
    const before = marks.get(mark?.file ?? '')?.filter(({ end }) => end <= (mark?.start ?? 0)) ?? [];
    if (mark && mark.start === (before.at(-1)?.end ?? 0)) marks.set(mark.file, [...before, mark]);
    else if (next) [owner, isPublishing] = [next, false];
    else if (field(line, 'publishing') === true) isPublishing = true;
    else if (length === 0) authorship = authorshipIn(line);
    else break;
    length += Buffer.byteLength(text) + 1;
  }
  return authorship && owner && { authorship, owner, isPublishing, marks, length };
}

async function textOf(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await handle.stat();
    if (size > MOST_BYTES) throw new RangeError(`${size} bytes are no journal`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}

function authorshipIn(line: unknown): Authorship | undefined {
  const value = field(line, 'journal');
  const [target, version, recipe, model] = ['target', 'version', 'recipe', 'model'].map((name) => textIn(value, name));
  if (target === undefined || version === undefined || recipe === undefined || model === undefined) return undefined;
  return { target, version, recipe, model };
}

function ownerIn(line: unknown): Owner | undefined {
  const value = field(line, 'owner');
  const [pid, host] = [countIn(value, 'pid'), textIn(value, 'host')];
  return pid === undefined || host === undefined ? undefined : { pid, host };
}

function markIn(line: unknown): Mark | undefined {
  const value = field(line, 'mark');
  const [file, start, end, sha256] = [textIn(value, 'file'), countIn(value, 'start'), countIn(value, 'end'), textIn(value, 'sha256')];
  if (file === undefined || start === undefined || end === undefined || sha256 === undefined || end <= start) return undefined;
  return { file, start, end, sha256 };
}

function textIn(value: unknown, name: string): string | undefined {
  const found = field(value, name);
  return typeof found === 'string' ? found : undefined;
}

function countIn(value: unknown, name: string): number | undefined {
  const found = field(value, name);
  return typeof found === 'number' && Number.isSafeInteger(found) && found >= 0 ? found : undefined;
}
