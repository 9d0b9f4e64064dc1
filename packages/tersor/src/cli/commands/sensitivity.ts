import { basename } from 'node:path';
import type { AskedToSense } from '../../core/asked.ts';
import { sensitivityCsv } from '../../core/text/sensitivity-text.ts';
import { sensitivityPage } from '../../report/sensitivity-page.ts';
import { checkModel } from '../check-model.ts';
import { enoughAfter } from '../compress-flags.ts';
import { defined } from '../defined.ts';
import { DONE } from '../exit-status.ts';
import type { OutputKinds } from '../flags.ts';
import { parseSteps } from '../parse-steps.ts';
import { resolveSize, type Size } from '../quantities.ts';
import { checkFreeFile, jsonText, saveText } from '../save-file.ts';
import { modelLine } from '../screens/model-line.ts';
import { sensitivityScreen } from '../screens/sensitivity-screen.ts';
import type { Shell } from '../shell.ts';
import { withProgress } from '../with-progress.ts';

export interface SensitivityFlags {
  readonly where?: readonly string[];
  readonly try?: readonly string[];
  readonly maxLoss?: number;
  readonly maxSize?: Size;
  readonly maxTime?: number;
  readonly target?: AskedToSense['target'];
  readonly data?: string;
  readonly preprocess?: string;
  readonly samples?: number;
  readonly output?: OutputKinds;
  readonly seed?: number;
  readonly threads?: number;
  readonly cache?: boolean;
  readonly html?: string;
  readonly csv?: string;
  readonly force?: boolean;
  readonly weights?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Ctrl-C shows what is known by then. */
export async function sensitivityCommand(model: string, flags: SensitivityFlags, shell: Shell): Promise<number> {
  const { html, csv, force = false, json = false, quiet = false } = flags;
  const { library, out, err } = shell;
  await checkModel(model);
  const savings = [
    ...(html === undefined ? [] : [{ flag: '--html', path: html }]),
    ...(csv === undefined ? [] : [{ flag: '--csv', path: csv }]),
  ];
  for (const saving of savings) await checkFreeFile(saving, force);
  const talks = !json && !quiet;
  const inspection = talks || (flags.maxSize && 'share' in flags.maxSize) ? await library.inspect(model) : undefined;
  if (talks && inspection) err.write(modelLine(inspection, err));
  const asked = askedOf(flags, shell, inspection?.bytes ?? 0);
  const sensitivity = await withProgress(talks ? err : undefined, (onProgress) =>
    shell.interruptible(
      ({ signal, enough }) =>
        library.sensitivity(model, { ...asked, signal, enough: enoughAfter(flags.maxTime, enough), ...(onProgress && { onProgress }) }),
      { keeps: true },
    ),
  );
  for (const saving of savings)
    await saveText(saving, saving.flag === '--csv' ? sensitivityCsv(sensitivity) : sensitivityPage(sensitivity, basename(model)), force);
  out.write(json ? jsonText(sensitivity) : sensitivityScreen(sensitivity, out, { everyLayer: flags.weights === true }));
  return DONE;
}

function askedOf(flags: SensitivityFlags, { methods }: Shell, originalBytes: number): AskedToSense {
  const { where, maxLoss, maxSize, target, data, preprocess, samples, output, seed, threads } = flags;
  const limit = maxSize ? { bytes: resolveSize(maxSize, originalBytes) } : maxLoss === undefined ? undefined : { loss: maxLoss };
  return {
    ...defined({ target, data, preprocess, samples, seed, threads, outputs: output, limit }),
    ...(where && { where: where.map((name) => ({ name })) }),
    ...(flags.try && { steps: flags.try.flatMap((text) => parseSteps(text, methods)) }),
    ...(flags.cache === false && { cache: false }),
  };
}
