import { findLayers } from '../core/find-layers.ts';
import type { WeightId } from '../core/graph.ts';
import { type Model, mapWeights } from '../core/model.ts';
import type { Step } from '../core/recipe.ts';
import { type Offer, type Option, optionsOf } from '../search/candidates.ts';
import type { Setting } from '../search/menu.ts';
import type { Job } from './job.ts';
import { parted, preparationOf } from './preparation.ts';
import { roundsActivations } from './stand.ts';

/** Lossless, and fewer weights to look at. */
export const CLEAN: Step = { use: 'clean', large: true };
/** Of what is packed, biases and scales are a part that can be seen. */
const BITROUND: Step = { use: 'bitround' };

/** What is done to every model, before and beside what is chosen for its layers. */
export function alwaysDone({ packs, input: { format } }: Pick<Job, 'packs' | 'input'>): readonly Step[] {
  return packs && format.id === 'onnx' ? [CLEAN, BITROUND] : [CLEAN];
}

/** What there is to choose from. */
export interface Choices {
  readonly cleaned: Model;
  readonly offers: readonly Offer[];
  /** Per layer; see `optionsOf`. */
  readonly options: readonly (readonly Option[])[];
  /** Layers whose activations some option rounds. */
  readonly rounded: ReadonlySet<WeightId>;
}

/** What the layers of the cleaned model may become by any of `menu`. Nothing is loaded. @throws USAGE where settings prepare the model in different ways */
export async function layOut(job: Job, menu: readonly Setting[]): Promise<Choices> {
  const { input, target } = job;
  const cleaned = await job.apply(input.model, [...alwaysDone(job), ...preparationOf(menu.flat())]);
  const offer = async (setting: number, steps: readonly Step[]): Promise<Offer> => {
    const changed = await job.apply(cleaned, parted(steps).rest, true);
    const model = mapWeights(changed, (weight) =>
      input.format.refuses(changed, weight, target) ? cleaned.weights.get(weight.id) : undefined,
    );
    return { setting, steps, model, size: await input.format.size(model, target) };
  };
  const offers: Offer[] = [];
  for (const [setting, chains] of menu.entries()) {
    for (const steps of chains) offers.push(await offer(setting, steps));
  }
  const options = optionsOf(await findLayers(cleaned), await input.format.size(cleaned, target), offers);
  const rounded = new Set(options.flat().flatMap((option) => (roundsActivations(option) ? [option.layer.weight.id] : [])));
  return { cleaned, offers, options, rounded };
}
