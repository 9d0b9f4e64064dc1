import type { Importances } from '../core/importances.ts';
import { readImatrix } from '../formats/gguf/imatrix.ts';
import { openFolder } from '../io/node-store.ts';

/** Reads an imatrix file. @throws FILE_MISSING, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED */
export async function openImportances(path: string): Promise<Importances> {
  const { store, name } = await openFolder(path);
  try {
    return { ...(await readImatrix(await store.open(name))), name: path };
  } finally {
    await store.close();
  }
}
