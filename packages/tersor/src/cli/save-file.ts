import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { TersorError } from '../core/error.ts';
import { minName } from '../io/node-paths.ts';
import { mustBeReplaceable } from '../io/node-replaceable.ts';
import { mustNotBeInput } from '../io/node-same-file.ts';
import { openNodeStore } from '../io/node-store.ts';

/** A file that a flag asks for beside the result. */
export interface Saving {
  /** Which flag: `--report`. */
  readonly flag: string;
  readonly path: string;
}

/** What it is saved beside. */
export interface Job {
  readonly model: string;
  readonly out?: string;
  readonly force?: boolean;
}

/** Fails before the work, not after it. @throws USAGE for the model or its output, FILE_EXISTS unless forced, FILE_WRITE */
export async function checkFree(saving: Saving, { model, out = minName(model), force = false }: Job): Promise<void> {
  const { flag, path } = saving;
  if (resolve(path) === resolve(out)) throw new TersorError('USAGE', path, 'is where the model goes', `choose another name with ${flag}`);
  await mustNotBeInput([model], path);
  await checkFreeFile(saving, force);
}

/** The same for a file that is saved beside nothing. @throws FILE_EXISTS unless forced, FILE_WRITE */
export async function checkFreeFile({ flag, path }: Saving, force: boolean): Promise<void> {
  await mustBeReplaceable(path, force, flag);
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (!folder?.isDirectory()) throw new TersorError('FILE_WRITE', path, 'its folder does not exist', 'make the folder first');
}

/** Writes a file whole or not at all. @throws FILE_EXISTS unless forced, FILE_WRITE */
export function saveText(saving: Saving, text: string, force: boolean): Promise<void> {
  return saveBytes(saving, new TextEncoder().encode(text), force);
}

/** The same for what is no text. */
export async function saveBytes({ flag, path }: Saving, bytes: Uint8Array, force: boolean): Promise<void> {
  const store = openNodeStore(dirname(path));
  try {
    const sink = await store.create(basename(path));
    await sink.write(bytes);
    await sink.close();
    await mustBeReplaceable(path, force, flag);
    await store.commit();
  } catch (error) {
    await store.discard();
    throw error;
  }
}

/** As people would write it. */
export function jsonText(data: unknown): string {
  return `${JSON.stringify(data, null, 2)}\n`;
}
