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

/** The best setting that is the same for every layer, and allocations that are as good. Bytes are those of weights with a choice. */
export interface EqualQuality {
  readonly model: string;
  /** The smallest that keeps the promise. */
  readonly uniform: Measured & { readonly name: string };
  /** The smallest allocation that keeps the same promise. */
  readonly allocation: Measured;
  /** Bytes that it takes less, as a share. */
  readonly saved: number;
  /** The smallest allocation that loses no more than the uniform setting does, be that ever so much less than what is promised. */
  readonly alike?: Measured;
}

interface Measured {
  readonly bytes: number;
  readonly loss: number;
  readonly drop: number;
}

/** What is promised. */
const MOST_DROP = 0.01;
const HALVINGS = 8;

/** The smallest uniform setting that keeps the promise on the choosing samples, and the smallest allocations, all assembled and measured on those samples. */
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
    const measured = async (chosen: readonly Option[]): Promise<Measured> => ({
      bytes: sumOf(chosen, 'bytes'),
      loss: await assessor.error(chosen),
      drop: await assessor.drop(chosen),
    });
    for (const { name, chosen } of uniforms) {
      if ((await assessor.drop(chosen)) > MOST_DROP) continue;
      const uniform = await measured(chosen);
      const sum = sumOf(rankedAs(known, chosen), 'error');
      const within = (most: number, measure: typeof assessor.drop) =>
        smallestWithin(most, sum, (error) => allocate(known, 'bytes', { error }, solve), measure);
      const best = await within(MOST_DROP, assessor.drop);
      if (!best) return undefined;
      const alike = await within(uniform.loss, assessor.error);
      const allocation = await measured(best);
      return {
        model,
        uniform: { name, ...uniform },
        allocation,
        saved: 1 - allocation.bytes / uniform.bytes,
        ...(alike && { alike: await measured(alike) }),
      };
    }
    return undefined;
  } finally {
    await numbers.save();
    await assessor.close();
    await referee.close();
    await job.close();
  }
}

function rankedAs(known: readonly (readonly Option[])[], chosen: readonly Option[]): Option[] {
  return chosen.map((option, at) => known[at]!.find(({ steps }) => steps === option.steps) ?? option);
}

/**
 * The allocation of the largest sum of losses that loses at most `most` when it is assembled: by halving, in orders of magnitude.
 * @param around  a sum to look around
 */
async function smallestWithin(
  most: number,
  around: number,
  choose: (sum: number) => Promise<Option[] | undefined>,
  measure: (chosen: readonly Option[]) => Promise<number>,
): Promise<Option[] | undefined> {
  let [low, high] = [Math.log(around / 30), Math.log(around * 30)];
  let best: Option[] | undefined;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    const chosen = await choose(Math.exp(middle));
    if (chosen && (await measure(chosen)) <= most) [best, low] = [chosen, middle];
    else high = middle;
  }
  return best;
}
