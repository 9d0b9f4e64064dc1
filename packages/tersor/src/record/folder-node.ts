import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRecording, RECORDING_FILE, type Recording } from '../data/recording.ts';
import { makeFolder } from '../io/node-make-folder.ts';

/** Inputs are other people's data: nobody else on the machine reads them. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

const LOCK = '.lock';

/** More processes than that do not record one model at once. */
const MAX_RECORDERS = 64;

/** Starts of processes are known to this many milliseconds. */
const TOLERANCE = 2000;

const README = `# Recorded inputs

What an application fed to its models, recorded by \`tersor record\` or \`tersor/record\`. **It is real data: it may hold what people wrote, said or
showed.** It was written to this folder only, nothing was sent anywhere; the files can be read by their owner alone, and .gitignore keeps them out of
git. Delete the folder when you are done.

One folder for each model:

- \`recording.json\`: the model's name and SHA-256, the names of its inputs and outputs, and how many runs there were to choose from
- \`*.npz\`: a run each or, of a model with state, a sequence of runs: arrays called \`<step>/<input>\`. State that a run got from the one before is left out.

Use it: \`tersor model.onnx --data <this folder>\`. Look at it: \`numpy.load('000000.npz')\`.
`;

/** A folder that one process records into. Files appear whole or not at all. */
export interface RecordingFolder {
  readonly path: string;
  /** Of an earlier process that recorded here. */
  readonly seen: number;
  /** Bytes of all samples. */
  bytes(): number;
  bytesAt(place: number): number;
  put(place: number, bytes: Uint8Array): void;
  describe(recording: Recording): void;
  release(): void;
}

/**
 * Takes `root/name`, or the next free name where another process records there; makes the folders, readable by their owner alone.
 * @throws what the operating system says
 */
export function claimFolder(root: string, name: string): RecordingFolder {
  makeFolder(root, FOLDER_MODE);
  for (const [file, text] of [
    ['README.md', README],
    ['.gitignore', '*\n'],
  ] as const) {
    if (!existsSync(join(root, file))) writeWhole(root, file, text);
  }
  for (let attempt = 1; attempt <= MAX_RECORDERS; attempt++) {
    const path = join(root, attempt === 1 ? name : `${name}-${attempt}`);
    makeFolder(path, FOLDER_MODE);
    if (lock(path)) return openFolder(path);
  }
  throw new Error(`${join(root, name)}: ${MAX_RECORDERS} processes record there already`);
}

/** Takes away what a process that was killed in the middle left half-written; where one still records, nothing. @throws what the operating system says */
export function sweepFolder(path: string): void {
  const held = join(path, LOCK);
  if (existsSync(held) && isHeld(held)) return;
  for (const file of readdirSync(path)) if (/^\..+\.\d+\.tmp$/.test(file)) rmSync(join(path, file), { force: true });
  rmSync(held, { force: true });
}

function openFolder(path: string): RecordingFolder {
  const sizes = new Map<number, number>();
  for (const file of readdirSync(path)) {
    const place = /^(\d{6,})\.npz$/.exec(file)?.[1];
    if (place !== undefined) sizes.set(Number(place), statSync(join(path, file)).size);
  }
  const manifest = join(path, RECORDING_FILE);
  return {
    path,
    seen: (existsSync(manifest) && parseRecording(readFileSync(manifest, 'utf8'))?.seen) || 0,
    bytes: () => [...sizes.values()].reduce((sum, size) => sum + size, 0),
    bytesAt: (place) => sizes.get(place) ?? 0,
    put(place, bytes) {
      writeWhole(path, `${String(place).padStart(6, '0')}.npz`, bytes);
      sizes.set(place, bytes.length);
    },
    describe: (recording) => writeWhole(path, RECORDING_FILE, `${JSON.stringify(recording, null, 2)}\n`),
    release: () => rmSync(join(path, LOCK), { force: true }),
  };
}

function writeWhole(folder: string, file: string, content: string | Uint8Array): void {
  const temporary = join(folder, `.${file}.${process.pid}.tmp`);
  try {
    writeFileSync(temporary, content, { mode: FILE_MODE });
    renameSync(temporary, join(folder, file));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** @returns false when a process that lives holds it */
function lock(folder: string): boolean {
  const path = join(folder, LOCK);
  const mine = `${process.pid} ${Math.round(Date.now() - process.uptime() * 1000)}\n`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: FILE_MODE });
      return true;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      if (isHeld(path)) return false;
      rmSync(path, { force: true });
    }
  }
  return false;
}

function isHeld(path: string): boolean {
  const [pid = 0, start = 0] = readFileSync(path, 'utf8').split(' ').map(Number);
  // in containers, every process has the same number: what tells them apart is when they started
  if (pid === process.pid) return Math.abs(Date.now() - process.uptime() * 1000 - start) < TOLERANCE;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
