import { TersorError } from '../../core/error.ts';
import type { CodingProfile } from '../../core/kernels.ts';
import { checkModel } from '../check-model.ts';
import { defined } from '../defined.ts';
import { DONE } from '../exit-status.ts';
import { jsonText } from '../save-file.ts';
import { packScreen, prefixScreen, unpackScreen } from '../screens/pack-screen.ts';
import type { Shell } from '../shell.ts';
import { withProgress } from '../with-progress.ts';

export interface UnpackFlags {
  readonly base?: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface PackFlags extends UnpackFlags {
  readonly nested?: boolean;
  readonly prefix?: number;
  readonly lossless?: boolean;
  readonly profile?: CodingProfile;
  readonly threads?: number;
  readonly weights?: boolean;
}

export async function packCommand(file: string, flags: PackFlags, shell: Shell): Promise<number> {
  const {
    out,
    base,
    nested,
    prefix = nested ? 8 : undefined,
    force,
    dryRun,
    lossless = false,
    profile,
    threads,
    weights = false,
    json = false,
    quiet = false,
  } = flags;
  if (lossless && flags.prefix !== undefined && flags.prefix < 8)
    throw new TersorError(
      'USAGE',
      '--lossless',
      `${flags.prefix} bits are not all that there are`,
      'leave out one of --lossless and --prefix',
    );
  await checkModel(file);
  if (base !== undefined) await checkModel(base);
  const report = await withProgress(json || quiet ? undefined : shell.err, (onProgress) =>
    shell.interruptible(({ signal }) =>
      shell.library.pack(file, { ...defined({ out, base, nested: prefix, force, dryRun, profile, threads, onProgress }), signal }),
    ),
  );
  shell.out.write(json ? jsonText(report) : packScreen(report, shell.out, weights));
  return DONE;
}

export async function unpackCommand(file: string, flags: UnpackFlags, shell: Shell): Promise<number> {
  const { out, base, force, dryRun, json = false, quiet = false } = flags;
  await checkModel(file);
  if (base !== undefined) await checkModel(base);
  const report = await withProgress(json || quiet ? undefined : shell.err, (onProgress) =>
    shell.interruptible(({ signal }) => shell.library.unpack(file, { ...defined({ out, base, force, dryRun, onProgress }), signal })),
  );
  shell.out.write(json ? jsonText(report) : unpackScreen(report));
  return DONE;
}

export interface PrefixFlags {
  readonly bits?: number;
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export async function prefixCommand(file: string, { bits = 8, out = '', force, json = false }: PrefixFlags, shell: Shell): Promise<number> {
  await checkModel(file);
  const report = await shell.library.prefix(file, { bits, out, ...defined({ force }) });
  shell.out.write(json ? jsonText(report) : prefixScreen(report));
  return DONE;
}
