import type { Layer } from '../core/layers.ts';
import type { LevelsLayout } from '../core/layout.ts';
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
    doc: 'Levels are chosen along the matrix by a trellis of eight states where that loses less at the same bits: 1 dB at three bits and more, nothing below .8.',
  }),
  minimum: integer(1, 2 ** 31, { default: 128, doc: 'Weights with fewer elements are left alone.' }),
};

export function levelsLayout({ outputAxes }: Layer, inputSteps: boolean): LevelsLayout {
  return { kind: 'levels', outputs: outputAxes, inputSteps };
}
