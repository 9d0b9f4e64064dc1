import type { Cost } from '../core/cost.ts';
import type { ValueInfo } from '../core/graph.ts';
import type { Model } from '../core/model.ts';
import { stateLinks } from '../core/state-links.ts';
import type { Bound } from '../cost/bind-shapes.ts';
import { fixedHeight } from '../data/settle.ts';
import { sizeCandidates } from '../data/sizes.ts';
import { guessInputs, shapeOf } from '../data/synthesize.ts';
import { initialShape } from '../data/to-feeds.ts';

/** The inputs' shapes with what is still open guessed from what the inputs seem to be, as made-up inputs are. Unknown ranks are left out. */
export function guessShapes(model: Model, infos: readonly ValueInfo[], bound: readonly Bound[]): Cost['inputs'] {
  const fixed = infos.map((info, i): ValueInfo => {
    const shape = bound[i]?.shape?.map((size) => (typeof size === 'number' && size < 0 ? undefined : size));
    return { ...info, ...(shape && { shape }) };
  });
  const links = stateLinks(fixed, model.graph?.outputs ?? []);
  const guesses = guessInputs(fixed, links, model);
  const open = new Set(guesses.flatMap((guess) => [...guess.open.values()]));
  const [sizes] = sizeCandidates(open, fixedHeight(guesses), links.length > 0);
  const batch = batchIn(bound, infos);
  return bound.flatMap(({ name, shape, from }, i) => {
    const info = fixed[i];
    if (!shape || !info || !sizes) return [];
    if (shape.every((size): size is number => typeof size === 'number' && size >= 0)) return [{ name, shape, from }];
    const guess = guesses.find((each) => each.info.name === name);
    return [{ name, shape: guess ? shapeOf(guess, sizes) : initialShape(info, batch), from: 'guessed' as const }];
  });
}

/** The batch that the user gives an input, which state shares. */
function batchIn(bound: readonly Bound[], infos: readonly ValueInfo[]): number {
  const given = bound.find(({ from }, i) => from === 'asked' && typeof infos[i]?.shape?.[0] !== 'number')?.shape?.[0];
  return typeof given === 'number' ? given : 1;
}
