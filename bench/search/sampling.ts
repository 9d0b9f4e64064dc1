import { openSolver } from '../../packages/tersor/src/compress/solve.ts';
import type { Layer } from '../../packages/tersor/src/core/layers.ts';
import type { Sensitivity } from '../../packages/tersor/src/core/sensitivity.ts';
import { allocate, sumOf } from '../../packages/tersor/src/search/allocate.ts';
import type { Option } from '../../packages/tersor/src/search/candidates.ts';
import type { Question } from '../../packages/tersor/src/search/question.ts';
import { rank } from '../../packages/tersor/src/search/rank.ts';
import { rankSampled } from './rank-sampled.ts';

/** What ranking by samples saves, and what it costs in bytes. */
export interface SamplingRow {
  readonly model: string;
  /** What layers may lose together. */
  readonly loss: number;
  /** Losses measured when layers are ranked one by one, and by samples. */
  readonly measured: readonly [all: number, sampled: number];
  /** Bytes of the best allocation by what was ranked, with the true losses, against that of everything measured. */
  readonly bytesRatio: number;
}

/**
 * Both ways to rank layers, played back on losses that were measured: the question is answered from the table, and answers are counted. Allocations
 * are compared at one true loss: that of the sampled one.
 */
export async function samplingRows(model: string, sensitivity: Sensitivity, limits: readonly number[]): Promise<SamplingRow[]> {
  const solve = await openSolver();
  const { options, truth, predicted } = tableOf(sensitivity);
  const exact = options.map((row) => row.map((option) => ({ ...option, error: truth.get(nameOf(option)) ?? 0 })));
  const rows: SamplingRow[] = [];
  for (const loss of limits) {
    const counted = async (isSampled: boolean) => {
      let measured = 0;
      const question: Question = {
        options,
        maxDrop: loss,
        solve,
        size: async (chosen) => sumOf(chosen, 'bytes'),
        drop: async () => 0,
        error: async () => 0,
        around: async () => ({
          error: 0,
          with: async (option) => {
            measured++;
            return truth.get(nameOf(option)) ?? Number.NaN;
          },
        }),
      };
      const anchor = options[0]?.find(({ steps }) => steps === nearestUniform(exact, loss))?.steps ?? [];
      const { with: measure } = await question.around([]);
      const predict = async (option: Option) => predicted.get(nameOf(option)) ?? 0;
      const expectation = { anchor, about: 'error', between: [loss / 3, loss * 3] } as const;
      const ranked = (isSampled ? await rankSampled(options, expectation, { measure, predict }) : undefined) ?? (await rank(question));
      const chosen = (await allocate(ranked, 'bytes', { error: loss }, solve)) ?? [];
      return { measured, bytes: sumOf(chosen, 'bytes'), truth: chosen.reduce((sum, option) => sum + (truth.get(nameOf(option)) ?? 0), 0) };
    };
    const [all, sampled] = [await counted(false), await counted(true)];
    const best = (await allocate(exact, 'bytes', { error: sampled.truth }, solve)) ?? [];
    rows.push({ model, loss, measured: [all.measured, sampled.measured], bytesRatio: sampled.bytes / sumOf(best, 'bytes') });
  }
  return rows;
}

/** The steps that all layers could take for a loss nearest to `loss`. */
function nearestUniform(rows: readonly (readonly Option[])[], loss: number): Option['steps'] {
  const sums = new Map<Option['steps'], number>();
  for (const { steps, error } of rows.flat()) if (steps) sums.set(steps, (sums.get(steps) ?? 0) + error);
  const far = (sum: number) => Math.abs(Math.log(Math.max(sum, 1e-12) / loss));
  return [...sums].reduce((best, next) => (far(next[1]) < far(best[1]) ? next : best))[0];
}

function nameOf({ layer, steps }: Option): string {
  return `${layer.weight.id} ${JSON.stringify(steps ?? [])}`;
}

function tableOf({ layers, tried }: Sensitivity) {
  const truth = new Map<string, number>();
  const predicted = new Map<string, number>();
  const options = layers.map(({ id, shape, bytes, candidates }): Option[] => {
    const bare = { weight: { id, shape, dtype: 'f32' } } as unknown as Layer;
    const own: Option = { layer: bare, bytes, error: 0, weight: { ...bare.weight, layout: { kind: 'dense', dtype: 'f32' } } };
    return [
      own,
      ...candidates.map((candidate): Option => {
        const { steps, name } = tried[candidate.tried]!;
        const bits = Number(/^u?int(\d)/.exec(name)?.[1] ?? 16);
        const numeric = { kind: 'int' as const, bits, lo: 0, hi: 0 };
        const layout = bits === 16 ? ({ kind: 'dense', dtype: 'f16' } as const) : { kind: 'affine', numeric };
        const option = {
          ...own,
          steps,
          bytes: candidate.bytes,
          error: Number.POSITIVE_INFINITY,
          weight: { ...bare.weight, layout },
        } as Option;
        truth.set(nameOf(option), candidate.loss ?? Number.NaN);
        predicted.set(nameOf(option), candidate.predicted['weight-error'] ?? 0);
        return option;
      }),
    ];
  });
  return { options, truth, predicted };
}
