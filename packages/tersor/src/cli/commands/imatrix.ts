import { DONE } from '../exit-status.ts';
import { checkFreeFile, jsonText, saveBytes } from '../save-file.ts';
import { imatrixScreen } from '../screens/imatrix-screen.ts';
import type { Shell } from '../shell.ts';

export interface ImatrixFlags {
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export async function imatrixCommand(
  files: readonly string[],
  { out, force = false, json = false }: ImatrixFlags,
  shell: Shell,
): Promise<number> {
  const saving = out === undefined ? undefined : { flag: '-o', path: out };
  if (saving) await checkFreeFile(saving, force);
  const importances = await shell.library.readImatrix(files);
  if (saving) {
    const form = saving.path.toLowerCase().endsWith('.dat') ? 'dat' : 'gguf';
    await saveBytes(saving, await shell.library.imatrixBytes(importances, form), force);
  }
  const { name, datasets, chunks, chunkTokens, weights } = importances;
  const rows = [...weights].map(([id, { meanSquares, counts }]) => {
    const sorted = meanSquares.toSorted((a, b) => b - a);
    const total = sorted.reduce((sum, value) => sum + value, 0);
    const loudest = sorted.subarray(0, Math.max(1, Math.round(sorted.length / 100))).reduce((sum, value) => sum + value, 0);
    return {
      id,
      columns: meanSquares.length / counts.length,
      matrices: counts.length,
      tokens: Math.max(...counts),
      unseen: counts.filter((count) => count === 0).length,
      mean: total / meanSquares.length,
      /** Of the sum, what the largest hundredth of the columns has. */
      loudest: total > 0 ? loudest / total : 0,
    };
  });
  const summary = { file: name, datasets, chunks, chunkTokens, weights: rows };
  shell.out.write(json ? jsonText(summary) : imatrixScreen(summary, shell.out));
  return DONE;
}
