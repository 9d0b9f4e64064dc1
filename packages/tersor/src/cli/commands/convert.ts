import type { AskedToConvert } from '../../core/asked.ts';
import { TersorError } from '../../core/error.ts';
import { checkModel } from '../check-model.ts';
import { defined } from '../defined.ts';
import { DONE } from '../exit-status.ts';
import { roundingRecipe } from '../rounding-recipe.ts';
import { jsonText } from '../save-file.ts';
import { conversionScreen } from '../screens/conversion-screen.ts';
import type { Shell } from '../shell.ts';
import { withProgress } from '../with-progress.ts';

export interface ConvertFlags {
  readonly into?: string;
  readonly type?: string;
  readonly tensor?: readonly string[];
  readonly imatrix?: string;
  readonly force?: boolean;
  readonly resume?: boolean;
  readonly dryRun?: boolean;
  readonly threads?: number;
  readonly weights?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export async function convertCommand(model: string, output: string, flags: ConvertFlags, shell: Shell): Promise<number> {
  const { into, force, resume, dryRun, threads, weights = false, json = false, quiet = false } = flags;
  await checkModel(model);
  if (into !== undefined) await checkModel(into);
  const asked: AskedToConvert = { output, ...defined({ into, force, resume, dryRun, threads }), ...roundingOf(output, flags, shell) };
  const conversion = await withProgress(json || quiet ? undefined : shell.err, (onProgress) =>
    shell.interruptible(({ signal }) => shell.library.convert(model, { ...asked, signal, ...(onProgress && { onProgress }) }), {
      leaves: resume === true,
    }),
  );
  shell.out.write(json ? jsonText(conversion) : conversionScreen(conversion, shell.out, weights));
  return DONE;
}

/** What becomes of values. @throws USAGE for what is said of GGUF alone */
function roundingOf(output: string, { type, tensor, imatrix }: ConvertFlags, shell: Shell): Pick<AskedToConvert, 'type' | 'recipe'> {
  const isGguf = output.toLowerCase().endsWith('.gguf');
  const given = defined({ type, tensor, imatrix });
  if (isGguf) {
    return Object.keys(given).length === 0 ? {} : { recipe: roundingRecipe(given, shell) };
  }
  const flag = tensor ? '--tensor' : imatrix !== undefined ? '--imatrix' : undefined;
  if (flag) throw new TersorError('USAGE', flag, 'is for GGUF', 'name the output *.gguf, or leave it out');
  return defined({ type });
}
