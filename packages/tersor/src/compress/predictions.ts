import { decode } from '../core/decode.ts';
import { elementsOf } from '../core/dtype.ts';
import type { Layer } from '../core/layers.ts';
import { randomFor } from '../core/random.ts';
import type { Numbers } from '../io/node-numbers.ts';
import { keyOf, type Option } from '../search/candidates.ts';
import type { Changed, Predict, Predictor, Weigh } from '../search/predictors/predictor.ts';

/** What a predictor says of an option; NaN where it has nothing to say. */
export type Ask = (predictor: Predictor, option: Option) => Promise<number>;

/**
 * Predictions, remembered like what is measured. One weight is in memory before and after it is changed: quickest option by option, layer by layer.
 * @param weigher  what is known of the inputs of a layer; only asked for when a number is not known yet
 */
export function openPredictions(numbers: Numbers, seed: number, weigher?: (layer: Layer) => Promise<Weigh | undefined>): Ask {
  let subject: { readonly layer: Layer; readonly open: (predictor: Predictor) => Promise<Predict | undefined> } | undefined;
  let changed: { readonly option: Option; readonly values: Promise<Changed> } | undefined;

  const look = async (layer: Layer) => {
    const values = decode(await layer.weight.load());
    const weigh = await weigher?.(layer);
    const opened = new Map<Predictor, Promise<Predict | undefined>>();
    return (predictor: Predictor) => {
      const known = opened.get(predictor);
      if (known) return known;
      const opening = predictor.open({ layer, values, random: randomFor(seed, layer.weight.id), ...(weigh && { weigh }) });
      opened.set(predictor, opening);
      return opening;
    };
  };
  return (predictor, option) =>
    numbers.recall(`${predictor.id} ${keyOf(option)}`, async () => {
      const { layer, weight, bytes } = option;
      if (subject?.layer !== layer) subject = { layer, open: await look(layer) };
      const predict = await subject.open(predictor);
      if (!predict) return Number.NaN;
      if (changed?.option !== option) changed = { option, values: changeOf(weight, bytes) };
      return predict(await changed.values);
    });
}

async function changeOf(weight: Option['weight'], bytes: number): Promise<Changed> {
  return { values: decode(await weight.load()), bits: (bytes * 8) / elementsOf(weight.shape) };
}
