import { openImportances } from './compress/open-importances.ts';
import type { Importances } from './core/importances.ts';
import { encodeImatrix, type ImatrixForm, mergeImportances } from './formats/gguf/imatrix.ts';

/**
 * What imatrix files of llama.cpp say, of both forms. Several are joined: each weight's means, weighted by the tokens that they are of.
 * @throws FILE_MISSING, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED; DATA_INVALID when they are of different models
 */
export async function readImatrix(paths: readonly string[]): Promise<Importances> {
  const all: Importances[] = [];
  for (const path of paths) all.push(await openImportances(path));
  const [first] = all;
  return all.length === 1 && first ? first : mergeImportances(paths.join(', '), all);
}

/** The bytes of an imatrix file as llama.cpp writes it, in the form of now (`gguf`) or the older one. */
export function imatrixBytes(importances: Importances, form: ImatrixForm = 'gguf'): Uint8Array {
  return encodeImatrix(importances, form);
}
