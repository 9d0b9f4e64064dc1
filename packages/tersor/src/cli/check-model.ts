import { access, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TersorError } from '../core/error.ts';
import { nearest } from '../core/nearest.ts';

/** @throws FILE_MISSING with the nearest name in the same folder */
export async function checkModel(path: string): Promise<void> {
  if (await exists(path)) return;
  const folder = dirname(path);
  const files = await readdir(folder).catch(() => undefined);
  if (!files) throw new TersorError('FILE_MISSING', path, `there is no folder "${folder}"`, 'check the path');
  const close = nearest(basename(path), files);
  throw new TersorError('FILE_MISSING', path, 'there is no such file', close ? `did you mean "${join(folder, close)}"?` : 'check the path');
}

/** A first word that is neither a command nor a file was meant to be one of them. @throws USAGE, FILE_MISSING */
export async function checkFirstWord(word: string, commands: readonly string[]): Promise<void> {
  if (commands.includes(word) || (await exists(word))) return;
  if (/[./\\]/.test(word)) return checkModel(word);
  const close = nearest(word, commands);
  throw new TersorError(
    'USAGE',
    'tersor',
    `"${word}" is neither a command nor a file`,
    close ? `did you mean "tersor ${close}"?` : 'see the commands with: tersor --help',
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
