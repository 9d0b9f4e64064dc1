import type { AskedToCompare } from '../../core/asked.ts';
import { checkModel } from '../check-model.ts';
import { defined } from '../defined.ts';
import { DONE, MISSED } from '../exit-status.ts';
import type { OutputKinds } from '../flags.ts';
import { comparisonScreen } from '../screens/comparison-screen.ts';
import type { Shell } from '../shell.ts';
import { withProgress } from '../with-progress.ts';

export interface CompareFlags {
  readonly atLeast?: number;
  readonly target?: AskedToCompare['target'];
  readonly browser?: boolean;
  readonly data?: string;
  readonly preprocess?: string;
  readonly samples?: number;
  readonly subsets?: number;
  readonly output?: OutputKinds;
  readonly eval?: string;
  readonly seed?: number;
  readonly threads?: number;
  readonly weights?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Status 1 when the quality is below `--at-least`, or could not be measured although it was asked for. */
export async function compareCommand(a: string, b: string, flags: CompareFlags, shell: Shell): Promise<number> {
  const {
    target,
    browser,
    data,
    preprocess,
    samples,
    subsets,
    output,
    seed,
    threads,
    atLeast,
    weights = false,
    json = false,
    quiet = false,
  } = flags;
  await checkModel(a);
  await checkModel(b);
  const asked: AskedToCompare = defined({
    target,
    browser,
    data,
    preprocess,
    samples,
    subsets,
    seed,
    threads,
    outputs: output,
    eval: flags.eval,
  });
  const comparison = await withProgress(json || quiet ? undefined : shell.err, (onProgress) =>
    shell.interruptible(({ signal }) => shell.library.compare(a, b, { ...asked, signal, ...(onProgress && { onProgress }) })),
  );
  shell.out.write(
    json
      ? `${JSON.stringify(comparison, null, 2)}\n`
      : comparisonScreen(comparison, shell.out, { everyWeight: weights, ...(atLeast !== undefined && { atLeast }) }),
  );
  if (atLeast === undefined) return DONE;
  return comparison.quality && comparison.quality.value >= atLeast ? DONE : MISSED;
}
