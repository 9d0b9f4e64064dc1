import { readFile, stat } from 'node:fs/promises';
import { TersorError } from '../../core/error.ts';
import type { FolderCheck } from '../../core/folder-report.ts';
import type { Check } from '../../core/report.ts';
import { isFolder } from '../../io/node-folder.ts';
import { checkModel } from '../check-model.ts';
import { defined } from '../defined.ts';
import { DONE, MISSED } from '../exit-status.ts';
import { jsonText } from '../save-file.ts';
import { checkScreen, folderCheckScreen } from '../screens/check-screen.ts';
import type { Shell } from '../shell.ts';
import { withProgress } from '../with-progress.ts';

export interface CheckFlags {
  readonly original?: string;
  readonly browser?: boolean;
  readonly data?: string;
  readonly eval?: string;
  readonly run?: boolean;
  readonly threads?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Reports of models with 100,000 weights stay below. */
const MAX_REPORT_BYTES = 64_000_000;

/** Status 1 when the model, or one of a folder, is not the file of the report, or a promise is missed. */
export async function checkCommand(report: string, model: string, flags: CheckFlags, shell: Shell): Promise<number> {
  const { original, browser, data, threads, run, json = false, quiet = false } = flags;
  await checkModel(report);
  await checkModel(model);
  const parsed = await readReport(report);
  const asked = { ...defined({ original, browser, data, threads, eval: flags.eval }), ...(run === false && { run }) };
  const isOfFolder = await isFolder(model);
  const check = await withProgress(json || quiet ? undefined : shell.err, (onProgress) =>
    shell.interruptible(({ signal }): Promise<Check | FolderCheck> => {
      const heard = { ...asked, signal, ...(onProgress && { onProgress }) };
      return isOfFolder ? shell.library.checkFolder(parsed, model, heard) : shell.library.check(parsed, model, heard);
    }),
  );
  shell.out.write(json ? jsonText(check) : 'models' in check ? folderCheckScreen(check, shell.out) : checkScreen(check, shell.out));
  return check.kept ? DONE : MISSED;
}

/** @throws FILE_MISSING, REPORT_INVALID when it is not JSON */
async function readReport(path: string): Promise<unknown> {
  const hint = 'the report comes first: tersor check report.json model.onnx';
  const { size } = await stat(path);
  if (size > MAX_REPORT_BYTES) throw new TersorError('REPORT_INVALID', path, `${size} bytes is no report`, hint);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new TersorError('FILE_MISSING', path, 'cannot be read', hint, { cause });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TersorError('REPORT_INVALID', path, 'is not JSON', hint, { cause });
  }
}
