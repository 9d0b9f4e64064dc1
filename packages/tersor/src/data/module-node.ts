import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TersorError } from '../core/error.ts';

/**
 * The default export of a JavaScript module that the user named. Runs its code.
 * @throws DATA_INVALID when it cannot be loaded or has no default export
 */
export async function loadModule(path: string): Promise<unknown> {
  let loaded: unknown;
  try {
    loaded = await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    throw new TersorError(
      'DATA_INVALID',
      basename(path),
      `the module does not load: ${error instanceof Error ? error.message : String(error)}`,
      '',
      { cause: error },
    );
  }
  if (typeof loaded === 'object' && loaded !== null && 'default' in loaded) return loaded.default;
  throw new TersorError('DATA_INVALID', basename(path), 'the module has no default export');
}
