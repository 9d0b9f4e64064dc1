import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { TersorError } from '../../core/error.ts';
import { printable } from '../../core/text/printable.ts';
import { shellWord } from '../../core/text/shell-word.ts';
import { bytesText, integerText } from '../../core/text/units.ts';
import { parseRecording, RECORDING_FILE, type Recording } from '../../data/recording.ts';
import { sweepFolder } from '../../record/folder-node.ts';
import type { Preloaded } from '../../record/preload-node.ts';
import { PRELOAD } from '../../record/preload-url.ts';
import { defined } from '../defined.ts';
import { DONE } from '../exit-status.ts';
import type { Shell } from '../shell.ts';

export interface RecordFlags {
  readonly into: string;
  readonly samples?: number;
  readonly steps?: number;
  readonly maxBytes?: number;
  readonly seed?: number;
  readonly quiet?: boolean;
}

/** What is in a folder of one model after the command ended. */
interface Kept extends Recording {
  readonly files: number;
  readonly bytes: number;
}

/** @returns the status of the command @throws DATA_INVALID when it went well and nothing was recorded */
export async function recordCommand([file = '', ...args]: readonly string[], flags: RecordFlags, { err }: Shell): Promise<number> {
  const { into, samples, steps, maxBytes, seed, quiet = false } = flags;
  const folder = resolve(into);
  const settings: Preloaded = { folder, ...defined({ samples, steps, bytes: maxBytes, seed }) };
  const began = Date.now();
  const status = await runRecorded(file, args, settings);
  const kept = await keptSince(folder, began);
  if (kept.length === 0 && status === DONE) {
    throw new TersorError(
      'DATA_INVALID',
      file,
      'ran no model of onnxruntime-node or onnxruntime-web that could be recorded',
      'where they are bundled with the application, wrap its session: import { record } from "tersor/record"',
    );
  }
  if (!quiet) err.write(summary(kept, into));
  return status;
}

function runRecorded(file: string, args: readonly string[], settings: Preloaded): Promise<number> {
  const options = [process.env.NODE_OPTIONS, `--import=${PRELOAD}`].filter(Boolean).join(' ');
  const child = spawn(file, args, {
    stdio: 'inherit',
    env: { ...process.env, NODE_OPTIONS: options, TERSOR_RECORD: JSON.stringify(settings) },
    shell: process.platform === 'win32',
  });
  // Ctrl-C reaches the application too: it decides when it ends, and then we say what was kept
  const wait = () => {};
  const pass = () => void child.kill('SIGTERM');
  process.on('SIGINT', wait).on('SIGTERM', pass);
  return new Promise<number>((settle, reject) => {
    child.on('error', (cause) => {
      const what = 'code' in cause && cause.code === 'ENOENT' ? 'there is no such command' : cause.message;
      reject(new TersorError('USAGE', file, what, 'give it as you would run it: tersor record -- node app.js', { cause }));
    });
    child.on('close', (code, signal) => settle(code ?? (signal ? 128 + constants.signals[signal] : 1)));
  }).finally(() => process.off('SIGINT', wait).off('SIGTERM', pass));
}

async function keptSince(root: string, began: number): Promise<Kept[]> {
  if (!existsSync(root)) return [];
  const kept: Kept[] = [];
  for (const name of (await readdir(root)).sort()) {
    const path = join(root, name, RECORDING_FILE);
    const about = await stat(path).catch(() => undefined);
    const recording = about && about.mtimeMs >= began ? parseRecording(await readFile(path, 'utf8')) : undefined;
    if (!recording) continue;
    sweepFolder(join(root, name));
    const files = (await readdir(join(root, name))).filter((file) => file.endsWith('.npz') && !file.startsWith('.'));
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(root, name, file))).size));
    kept.push({ ...recording, files: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) });
  }
  return kept;
}

function summary(kept: readonly Kept[], into: string): string {
  const rows = kept.map(
    ({ model, files, seen, bytes }) =>
      `Recorded  ${printable(model.name)}: ${integerText(files)} of ${integerText(seen)}, ${bytesText(bytes)}, in ${printable(into)}\n`,
  );
  const [first] = kept;
  // sessions made from bytes do not know their file
  const model = kept.length === 1 && first?.model.name.includes('.') ? shellWord(basename(first.model.name)) : '<model.onnx>';
  const use = first ? `Use it    tersor ${model} --data ${shellWord(into)}\n` : '';
  return `${rows.join('')}${use}`;
}
