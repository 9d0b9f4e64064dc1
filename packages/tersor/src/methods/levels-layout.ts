import { elementsOf } from '../core/dtype.ts';
import type { Layer } from '../core/layers.ts';
import { bytesOf, type LevelsLayout } from '../core/layout.ts';
import { boolean, integer, number } from '../core/options.ts';

/** Of the methods that make levels. */
export const LEVELS_OPTIONS = {
  step: number(1e-4, 8, {
    default: 0.2,
    doc: 'Distance of levels, as a part of what it is made for: what the errors of a layer are to be, as a part of its values.',
    search: [0.1, 0.2, 0.4, 0.8],
  }),
  rate: number(0, 4, {
    default: 1,
    doc: 'What a bit counts for beside the error; 0: every value goes to the nearest level. 1 is what is best where steps are small.',
  }),
  trellis: boolean({
    default: true,
    doc: 'Levels are chosen along the matrix by a trellis of eight states, which loses 1 dB less at the same bits.',
  }),
  minimum: integer(1, 2 ** 31, { default: 128, doc: 'Weights with fewer elements are left alone.' }),
};

export function levelsLayout({ outputAxes }: Layer, inputSteps: boolean): LevelsLayout {
  return { kind: 'levels', outputs: outputAxes, inputSteps };
}

/** What a file pays for the operators of one more compressed weight, about. */
const OPERATORS = 200;

/** Why a layer is left as it is, in words for the user; undefined when it gains. What packing leaves of levels is not known before: half of what they take. */
export function reasonAgainstLevels({ weight }: Layer, layout: LevelsLayout, minimum: number): string | undefined {
  if (weight.layout.kind !== 'dense') return 'is compressed already';
  if (elementsOf(weight.shape) < minimum) return `has fewer than ${minimum} elements`;
  const before = bytesOf(weight);
  return bytesOf({ shape: weight.shape, layout }) / 2 + OPERATORS >= before
    ? `would not become smaller than its ${before} bytes`
    : undefined;
}
