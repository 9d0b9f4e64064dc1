import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it, level by level: Node's own recursion never ends where a parent is there and takes no folders, as in /proc.
 * @throws what the operating system says
 */
export function makeFolder(path: string, mode?: number): void {
  try {
    mkdirSync(path, { ...(mode !== undefined && { mode }) });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolder(dirname(path), mode);
    mkdirSync(path, { ...(mode !== undefined && { mode }) });
  }
}
