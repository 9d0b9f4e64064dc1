import type { WeightId } from '../core/graph.ts';
import type { Layer } from '../core/layers.ts';
import type { Model } from '../core/model.ts';
import type { OutputQuality, QualityReport } from '../core/report.ts';
import type { Numbers } from '../io/node-numbers.ts';
import { keyOf, type Option } from '../search/candidates.ts';
import { probeOf } from '../search/probe.ts';
import type { Question } from '../search/question.ts';
import type { Job } from './job.ts';
import type { Part, Referee } from './referee.ts';
import type { Chosen, Stand } from './stand.ts';
import { openStands } from './suffix-stands.ts';

/** Answers what-if questions about a model's weights, which are inputs of the graph: one session for all of them. */
export interface Assessor extends Pick<Question, 'drop' | 'error' | 'around'> {
  close(): Promise<void>;
}

/**
 * @param layers  those that questions will be about
 * @param rounded  those whose activations a choice may round
 */
export async function openAssessor(
  job: Job,
  referee: Referee,
  numbers: Numbers,
  model: Model,
  layers: readonly Layer[],
  rounded: ReadonlySet<WeightId>,
): Promise<Assessor> {
  const { whole, behind, close } = await openStands(job, referee, model, probeOf(model, layers, rounded), layers);
  const error = (chosen: Chosen, part: Part, standFor: () => Promise<Stand> | Stand) =>
    numbers.recall(`error ${part} ${nameOf(chosen)}`, async () => {
      const stand = await standFor();
      await stand.put(chosen);
      return distanceOf(await referee.compare(stand.session, part));
    });
  return {
    drop: (chosen) => {
      const each = byWeight(chosen);
      return numbers.recall(`drop ${nameOf(each)}`, async () => {
        await whole.put(each);
        return (await referee.judge(whole.session, 'choose')).drop;
      });
    },
    error: (chosen) => error(byWeight(chosen), 'choose', () => whole),
    around: async (base) => {
      const each = byWeight(base);
      return {
        error: await error(each, 'rank', () => whole),
        with: (option) => {
          const { id } = option.layer.weight;
          return error(new Map(each).set(id, option), 'rank', () => behind(id, each));
        },
      };
    },
    close,
  };
}

function byWeight(chosen: readonly Option[]): Map<WeightId, Option> {
  return new Map(chosen.map((option) => [option.layer.weight.id, option]));
}

/** Of a set of choices: layers that stay as they are need not be told. */
function nameOf(chosen: ReadonlyMap<WeightId, Option>): string {
  return [...chosen.values()]
    .flatMap((option) => (option.steps ? [keyOf(option)] : []))
    .sort()
    .join('\n');
}

/** How far outputs are from the original's, the worst of them. */
export function distanceOf({ outputs }: QualityReport): number {
  return Math.max(0, ...outputs.filter(({ kind }) => kind !== 'state').map(distance));
}

/** Nats for classes, lost share of the variance for values: both fall smoothly to 0, and small independent errors add up in both. */
function distance({ kind, value, divergence }: OutputQuality): number {
  return kind === 'classes' && divergence !== undefined ? divergence : 1 - value;
}
