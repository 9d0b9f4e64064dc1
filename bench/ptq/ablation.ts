import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compress } from '../../packages/tersor/src/compress.ts';
import { TersorError } from '../../packages/tersor/src/core/error.ts';
import type { Recipe, Step } from '../../packages/tersor/src/core/recipe.ts';
import { benchModels } from '../models.ts';
import { askedOf } from '../tasks/asked-of.ts';
import type { Scores } from '../tasks/task.ts';

/** The recipe that was found for a size, with and without one of the things that it is made of. */
export interface AblationRow {
  readonly model: string;
  readonly size: number;
  readonly without: string;
  readonly bytes: number;
  readonly scores: Scores;
}

const SIZES: Readonly<Record<string, number>> = {
  'ocr-rec': 2.2e6,
  'mobilenet-v2': 2.6e6,
  'silero-v5': 0.4e6,
  lm: 4.2e6,
  minilm: 10e6,
};

/** The same layers at the same bytes, each step in a plainer way. */
const PLAINER: Readonly<Record<string, (step: Step) => Step>> = {
  nothing: (step) => step,
  'codes and entries that are gone through again': (step) =>
    step.use === 'gptq' ? { ...step, refine: 0 } : step.use === 'codebook-gptq' ? { ...step, rounds: 0 } : step,
  'the order of activations': (step) => (step.use === 'gptq' ? { ...step, order: 'stored' } : step),
  'errors that make up for one another': alone,
  'that, and scales of the least error': (step) => {
    const rounding = alone(step);
    return rounding.use === 'rtn' ? { ...rounding, fit: 'absmax' } : rounding;
  },
};

/** What is tried in place of the menu. */
const INTEGERS: readonly (readonly Step[])[] = ['gptq', 'rtn'].flatMap((use) => [
  [{ use, bits: 2, block: 16, symmetric: false }],
  ...[16, 32, 64].map((block) => [{ use, bits: 4, block, symmetric: false }]),
  [{ use, bits: 8, block: 'row', symmetric: true }],
]);

/** @param only  a model's name */
export async function* ablationRows(only?: string): AsyncGenerator<AblationRow> {
  for (const { name, path, task } of benchModels()) {
    const size = SIZES[name];
    if (!task || !size || (only !== undefined && only !== name)) continue;
    const folder = mkdtempSync(join(tmpdir(), 'tersor-ablation-'));
    const output = join(folder, 'output.onnx');
    try {
      const asked = { ...askedOf(await task.choose(mkdtempSync(join(folder, 'data-')))), output, keep: true, force: true };
      const budget = { size };
      const rowOf = async (without: string): Promise<AblationRow> => {
        return { model: name, size, without, bytes: statSync(output).size, scores: await task.score(output, path) };
      };
      const found = await compress(path, { ...asked, budget });
      for (const [without, plainer] of Object.entries(PLAINER)) {
        const recipe: Recipe = { ...found.recipe, steps: found.recipe.steps.map(plainer) };
        if (without !== 'nothing') await compress(path, { ...asked, recipe });
        yield await rowOf(without);
      }
      if (await isReached(() => compress(path, { ...asked, budget, steps: INTEGERS })))
        yield await rowOf('books: integers alone, allocated anew');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function alone(step: Step): Step {
  const { damping, order, refine, ...rounding } = step;
  if (step.use === 'gptq') return { ...rounding, use: 'rtn' };
  return step.use === 'codebook-gptq' ? { ...rounding, use: 'codebook' } : step;
}

/** Integers alone may not come down to a size. */
async function isReached(make: () => Promise<unknown>): Promise<boolean> {
  try {
    await make();
    return true;
  } catch (error) {
    if (error instanceof TersorError && error.code === 'PROMISE_MISSED') return false;
    throw error;
  }
}
