import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TersorError } from '../core/error.ts';
import { parseRecording, RECORDING_FILE, type Recording } from './recording.ts';
import type { Wanted } from './to-feeds.ts';

/** A folder that one process recorded one model into. */
interface Recorded extends Recording {
  readonly folder: string;
}

export interface RecordedFor {
  readonly wanted: Wanted;
  readonly outputs: readonly string[];
  /** Path of the model. */
  readonly model?: string | undefined;
}

/**
 * The folders in which `root` holds recordings of a model: of the same file or, where there are none, of models with the same inputs and outputs, as the
 * compressed model in an application is one of. Undefined when `root` holds no recordings at all.
 * @throws DATA_INVALID when they are all of other models, or of several that it may be
 */
export async function recordingsOf(root: string, { wanted, outputs, model }: RecordedFor): Promise<readonly Recorded[] | undefined> {
  const all = await recordingsIn(root);
  if (all.length === 0) return undefined;
  const names = wanted.inputs.map(({ name }) => name);
  const fitting = all.filter((each) => sameNames(each.inputs, names) && (outputs.length === 0 || sameNames(each.outputs, outputs)));
  const hash = model !== undefined && existsSync(model) ? await hashOf(model) : undefined;
  const exact = fitting.filter(({ model: { sha256 } }) => sha256 !== undefined && sha256 === hash);
  const namesake = fitting.filter(({ model: { name } }) => model !== undefined && name === basename(model));
  const chosen = [exact, namesake, fitting].find(({ length }) => length > 0) ?? [];
  const where = basename(root);
  if (chosen.length === 0) {
    const list = all.map((each) => `${each.model.name} (${each.inputs.join(', ')})`).join('; ');
    throw new TersorError('DATA_INVALID', where, `holds recordings of other models: ${list}`, `this one takes ${names.join(', ')}`);
  }
  const identities = new Set(chosen.map((each) => each.model.sha256 ?? each.model.name));
  if (identities.size > 1) {
    const list = chosen.map(({ folder }) => basename(folder)).join(', ');
    throw new TersorError('DATA_INVALID', where, `holds recordings of several models that this may be: ${list}`, 'name one of its folders');
  }
  return chosen;
}

async function recordingsIn(root: string): Promise<Recorded[]> {
  const places = [
    root,
    ...(await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name)),
  ];
  const found: Recorded[] = [];
  for (const folder of places.sort()) {
    const path = join(folder, RECORDING_FILE);
    const recording = existsSync(path) ? parseRecording(await readFile(path, 'utf8')) : undefined;
    if (recording) found.push({ ...recording, folder });
  }
  return found;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}
