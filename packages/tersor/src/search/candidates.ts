import type { Candidate } from '../core/candidate.ts';
import type { Size } from '../core/format.ts';
import type { WeightId } from '../core/graph.ts';
import type { Layer } from '../core/layers.ts';
import { bytesOf } from '../core/layout.ts';
import type { Execution, Model, Weight } from '../core/model.ts';
import type { Step } from '../core/recipe.ts';
import type { Rule } from '../core/rules.ts';

/** Steps that the search may take, one after the other, for any layer, and every weight as they would leave it. */
export interface Offer {
  /** Offers of one setting stand in for one another: a layer gets the first that changes it. */
  readonly setting: number;
  readonly steps: readonly Step[];
  readonly model: Model;
  readonly size: Size;
}

/** An offer for one layer, with the weight it would become; loading the weight computes it. */
export interface Option extends Candidate {
  /** That of its offer; absent: the layer stays as it is. */
  readonly setting?: number;
  readonly weight: Weight;
  /** How the runtime computes with it, where that is said. */
  readonly execution?: Execution;
}

/**
 * What each layer can become: itself, or what an offer makes of it where that is smaller. Errors are infinite until they are measured,
 * except that leaving a layer alone costs nothing.
 */
export function optionsOf(layers: readonly Layer[], before: Size, offers: readonly Offer[]): Option[][] {
  return layers.map((layer) => {
    const { id } = layer.weight;
    const bytes = before.weights.get(id) ?? 0;
    const expanded = bytesOf(layer.weight);
    const options: Option[] = [{ layer, bytes, memory: expanded, error: 0, weight: layer.weight }];
    for (const { setting, steps, model, size } of offers) {
      const weight = model.weights.get(id);
      const less = size.weights.get(id);
      if (!weight || weight === layer.weight || less === undefined || less >= bytes) continue;
      if (options.some((option) => option.setting === setting)) continue;
      const execution = model.execution.get(id);
      const memory = execution === undefined || execution === 'expand' ? expanded : less;
      options.push({
        layer,
        setting,
        steps,
        bytes: less,
        memory,
        error: Number.POSITIVE_INFINITY,
        weight,
        ...(execution && { execution }),
      });
    }
    return options;
  });
}

/** Of a layer's options, the one with the fewest bytes. */
export function cheapest(row: readonly Option[]): Option {
  return row.reduce((best, option) => (option.bytes < best.bytes ? option : best));
}

/** What tells two choices for one layer apart; the same in every run. */
export function keyOf({ layer, steps }: Candidate): string {
  return `${layer.weight.id} ${steps ? JSON.stringify(steps) : ''}`;
}

/**
 * The chosen candidates as steps of a recipe: layers that are treated alike share theirs.
 * @param isFirst  those that go before the others
 */
export function stepsOf(chosen: readonly Candidate[], isFirst: (steps: readonly Step[]) => boolean = () => false): Step[] {
  const groups = new Map<string, { steps: readonly Step[]; ids: WeightId[] }>();
  for (const { steps, layer } of chosen) {
    if (!steps) continue;
    const key = JSON.stringify(steps);
    const group = groups.get(key) ?? { steps, ids: [] };
    group.ids.push(layer.weight.id);
    groups.set(key, group);
  }
  const all = [...groups.values()].sort((a, b) => Number(isFirst(b.steps)) - Number(isFirst(a.steps)));
  const everything = all.length === 1 && all[0]?.ids.length === chosen.length;
  return all.flatMap(({ steps, ids }) =>
    steps.map((step) => (everything ? step : { ...step, where: ids.map((name): Rule => ({ name })) })),
  );
}
