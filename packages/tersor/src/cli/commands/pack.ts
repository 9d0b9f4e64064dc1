import type { CodingProfile } from '../../core/kernels.ts';
import { checkModel } from '../check-model.ts';
import { defined } from '../defined.ts';
import { DONE } from '../exit-status.ts';
import { jsonText } from '../save-file.ts';
import { packScreen, unpackScreen } from '../screens/pack-screen.ts';
import type { Shell } from '../shell.ts';
import { withProgress } from '../with-progress.ts';

export interface UnpackFlags {
  readonly out?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface PackFlags extends UnpackFlags {
  readonly profile?: CodingProfile;
  readonly threads?: number;
  readonly weights?: boolean;
}

export async function packCommand(file: string, flags: PackFlags, shell: Shell): Promise<number> {
  const { out, force, dryRun, profile, threads, weights = false, json = false, quiet = false } = flags;
  await checkModel(file);
  const report = await withProgress(json || quiet ? undefined : shell.err, (onProgress) =>
    shell.interruptible(({ signal }) =>
      shell.library.pack(file, { ...defined({ out, force, dryRun, profile, threads, onProgress }), signal }),
    ),
  );
  shell.out.write(json ? jsonText(report) : packScreen(report, shell.out, weights));
  return DONE;
}

export async function unpackCommand(file: string, flags: UnpackFlags, shell: Shell): Promise<number> {
  const { out, force, dryRun, json = false, quiet = false } = flags;
  await checkModel(file);
  const report = await withProgress(json || quiet ? undefined : shell.err, (onProgress) =>
    shell.interruptible(({ signal }) => shell.library.unpack(file, { ...defined({ out, force, dryRun, onProgress }), signal })),
  );
  shell.out.write(json ? jsonText(report) : unpackScreen(report));
  return DONE;
}
