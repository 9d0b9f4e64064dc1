import { readdir, readFile, stat } from 'node:fs/promises';
import type { DeviceProfile } from '../core/device.ts';
import { TersorError } from '../core/error.ts';
import { nearest } from '../core/nearest.ts';
import { parseDevice } from '../cost/parse-device.ts';

/** Profiles and their schema are published with the package; from `src/cli`, `dist/cli` and `dist/bundle` the way is the same. */
export const DEVICE_SCHEMA = new URL('../../schema/device.schema.json', import.meta.url);
const DEVICES = new URL('../../devices/', import.meta.url);
const MAX_DEVICE_BYTES = 100_000;

/** The profile of that name that comes with tersor, or in that file. @throws FILE_MISSING, DEVICE_INVALID */
export async function loadDevice(name: string): Promise<DeviceProfile> {
  const names = await deviceNames();
  const text = names.includes(name) ? await readFile(new URL(`${name}.json`, DEVICES), 'utf8') : await readText(name, names);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new TersorError('DEVICE_INVALID', name, 'is not JSON', 'a profile is JSON; its schema: tersor device schema', { cause });
  }
  return parseDevice(json, name);
}

export async function deviceNames(): Promise<string[]> {
  const files = await readdir(DEVICES);
  return files.flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -'.json'.length)] : [])).sort();
}

async function readText(path: string, names: readonly string[]): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_DEVICE_BYTES) throw new TersorError('DEVICE_INVALID', path, `${size} bytes is no profile of a device`);
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof TersorError) throw cause;
    const close = nearest(path, names);
    const hint = close ? `did you mean "${close}"?` : `it takes a file or one of ${names.join(', ')}`;
    throw new TersorError('FILE_MISSING', `--device ${path}`, 'cannot be read', hint, { cause });
  }
}
