import { openAssessor } from '../../packages/tersor/src/compress/assessor.ts';
import { openJob } from '../../packages/tersor/src/compress/job.ts';
import { layOut } from '../../packages/tersor/src/compress/lay-out.ts';
import { openMeasured } from '../../packages/tersor/src/compress/measured.ts';
import { openReferee } from '../../packages/tersor/src/compress/referee.ts';
import { openSolver } from '../../packages/tersor/src/compress/solve.ts';
import type { AskedToCompare } from '../../packages/tersor/src/core/asked.ts';
import type { Sensitivity } from '../../packages/tersor/src/core/sensitivity.ts';
import { allocate, sumOf } from '../../packages/tersor/src/search/allocate.ts';
import type { Option } from '../../packages/tersor/src/search/candidates.ts';
import { menuFor } from '../../packages/tersor/src/search/menu.ts';

/** The best setting that is the same for every layer, and the allocation of equal quality. Bytes are those of weights with a choice. */
export interface EqualQuality {
  readonly model: string;
  readonly uniform: { readonly name: string; readonly bytes: number; readonly loss: number; readonly drop: number };
  readonly allocation: { readonly bytes: number; readonly loss: number };
  /** Bytes that the allocation takes less, as a share. */
  readonly saved: number;
}

/** What the promise allows. */
const MOST_DROP = 0.01;
const HALVINGS = 7;

/**
 * The smallest uniform setting that keeps the promise on the choosing samples, and the smallest allocation that was found to lose no more than it, both
 * assembled and measured on all of those.
 */
export async function equalQuality(
  model: string,
  path: string,
  asked: AskedToCompare,
  { tried, layers }: Sensitivity,
): Promise<EqualQuality | undefined> {
  const job = await openJob(path, asked);
  const referee = await openReferee(job);
  const { cleaned, options, rounded } = await layOut(job, menuFor({ evidence: 'data', target: job.target }));
  const rows = options.filter((row) => row.length > 1);
  const numbers = await openMeasured(job, referee);
  const layersOf = rows.map(([own]) => own!.layer);
  const assessor = await openAssessor(job, referee, numbers, cleaned, layersOf, rounded);
  try {
    const losses = new Map(
      layers.flatMap(({ id, candidates }) =>
        candidates.map((each) => [`${id} ${JSON.stringify(tried[each.tried]?.steps)}`, each.loss ?? Number.POSITIVE_INFINITY] as const),
      ),
    );
    const known = rows.map((row) =>
      row.map((option) => ({
        ...option,
        error: option.steps ? (losses.get(`${option.layer.weight.id} ${JSON.stringify(option.steps)}`) ?? Number.NaN) : 0,
      })),
    );
    const settings = new Set(rows.flat().flatMap(({ setting }) => (setting === undefined ? [] : [setting])));
    const uniforms = [...settings].map((setting) => {
      const chosen = rows.map((row) => row.find((option) => option.setting === setting) ?? row[0]!);
      const names = new Set(chosen.flatMap(({ steps }) => (steps ? [JSON.stringify(steps)] : [])));
      const name = tried.flatMap((each) => (names.has(JSON.stringify(each.steps)) ? [each.name] : [])).join(', ');
      return { name, chosen };
    });
    uniforms.sort((a, b) => sumOf(a.chosen, 'bytes') - sumOf(b.chosen, 'bytes'));
    const solve = await openSolver();
    for (const { name, chosen } of uniforms) {
      const drop = await assessor.drop(chosen);
      if (drop > MOST_DROP) continue;
      const loss = await assessor.error(chosen);
      const best = await smallestWithin(loss, (most) => allocate(known, 'bytes', { error: most }, solve), assessor.error);
      if (!best) return undefined;
      const bytes = sumOf(chosen, 'bytes');
      const found = { bytes: sumOf(best.chosen, 'bytes'), loss: best.loss };
      return { model, uniform: { name, bytes, loss, drop }, allocation: found, saved: 1 - found.bytes / bytes };
    }
    return undefined;
  } finally {
    await numbers.save();
    await assessor.close();
    await referee.close();
    await job.close();
  }
}

/** The allocation of the largest sum of losses that loses at most `most` when it is assembled: by halving, in orders of magnitude. */
async function smallestWithin(
  most: number,
  choose: (sum: number) => Promise<Option[] | undefined>,
  measure: (chosen: readonly Option[]) => Promise<number>,
): Promise<{ readonly chosen: Option[]; readonly loss: number } | undefined> {
  let [low, high] = [Math.log(most / 30), Math.log(most * 4)];
  let best: { chosen: Option[]; loss: number } | undefined;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = i === 0 ? Math.log(most) : (low + high) / 2;
    const chosen = await choose(Math.exp(middle));
    const loss = chosen ? await measure(chosen) : Number.POSITIVE_INFINITY;
    if (chosen && loss <= most) [best, low] = [{ chosen, loss }, middle];
    else high = middle;
  }
  return best;
}
