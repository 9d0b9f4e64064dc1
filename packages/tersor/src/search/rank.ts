import { indexBits } from '../core/layout.ts';
import type { Option } from './candidates.ts';
import type { Question } from './question.ts';

/** What is expected from fewer bits is not measured when it is so much less than negligible. */
const MARGIN = 4;
/** About as many as the fractions of 16- and 32-bit floats hold. */
const HALF_BITS = 11;
/** Levels that are as far apart as values are large. */
const BITS_OF_STEP_ONE = 2;
const FULL_BITS = 24;
/** A neighbour's measured effect tells of those behind it, but not by any factor. */
const MOST_STRETCH = 10;

/**
 * The options with their errors: each layer changed alone. One whose outputs are not finite is out.
 *
 * The cheapest comes first. Others of more bits are not measured where a quarter of its loss for each bit is next to nothing: they are there for when
 * the inputs to prove with tell another story.
 */
export async function rank(question: Question): Promise<Option[][]> {
  const { options, maxDrop, enough, onProgress } = question;
  const negligible = Math.min(maxDrop, 1) / (20 * options.length);
  const around = await question.around(options.map((row) => row[0]!));
  const ranked: Option[][] = [];
  for (const [done, row] of options.entries()) {
    onProgress?.(done, options.length, row[0]!.layer.weight.id);
    ranked.push(enough?.() ? row.filter(({ steps }) => !steps) : await rankLayer(row, around.with, negligible));
  }
  onProgress?.(options.length, options.length, '');
  return ranked;
}

async function rankLayer(row: readonly Option[], measure: (option: Option) => Promise<number>, negligible: number): Promise<Option[]> {
  const ranked: Option[] = [];
  let known = Number.POSITIVE_INFINITY;
  let coarser: Option | undefined;
  for (const option of row.toSorted((a, b) => a.bytes - b.bytes)) {
    const expected = coarser ? known / 4 ** Math.max(0.5, bitsOf(option) - bitsOf(coarser)) : known;
    if (!option.steps) known = 0;
    else if (!isRounding(option) && expected < negligible / MARGIN) known = expected;
    else known = Math.max(negligible / 100, await measure(option));
    if (Number.isFinite(known)) ranked.push({ ...option, error: known });
    if (!isRounding(option)) coarser = option;
  }
  return ranked;
}

/** The options with the errors to expect where there is no time to measure: those of rounding, and nothing of what the layer does. */
export function expected(row: readonly Option[]): Option[] {
  return row.map((option) => ({ ...option, error: option.steps ? 4 ** -bitsOf(option) : 0 }));
}

/** Rounding weights to one bit more leaves a quarter of the noise: Bennett 1948, Spectra of quantized signals. */
function bitsOf({ weight: { layout, dtype }, steps }: Option): number {
  if (layout.kind === 'affine') return layout.numeric.bits;
  if (layout.kind === 'levels') return BITS_OF_STEP_ONE - Math.log2(Number(steps?.at(-1)?.step ?? 1));
  if (layout.kind === 'codebook') return (indexBits(layout) * layout.books) / layout.vector;
  return layout.kind === 'dense' && layout.dtype !== dtype ? HALF_BITS : FULL_BITS;
}

/** Activations are rounded, too, which bits of the weight say nothing of. */
function isRounding({ execution }: Option): boolean {
  return execution === 'dynamic' || execution === 'weight-only';
}

/**
 * The options with the errors that they have in the company of `base`'s: what layers lose together is not what each loses alone. In every layer the
 * neighbours of its choice are measured, one cheaper and one more faithful, in the place of the choice; those behind them are taken to differ from
 * what they lose alone by the same factor. The errors of `base` add up to what it was measured to lose.
 */
export async function rankAround(question: Question, ranked: readonly (readonly Option[])[], base: readonly Option[]): Promise<Option[][]> {
  const around = await question.around(base);
  const corrected: Option[][] = [];
  for (const [at, row] of ranked.entries()) {
    question.onProgress?.(at, ranked.length, row[0]!.layer.weight.id);
    corrected.push(question.enough?.() ? [...row] : await correctLayer(row, base[at]!, around));
  }
  question.onProgress?.(ranked.length, ranked.length, '');
  const least = corrected.map((row) => Math.min(...row.map(({ error }) => error)));
  const rest = Math.max(0, around.error + least.reduce((sum, error) => sum + error, 0)) / Math.max(1, ranked.length);
  return corrected.map((row, at) => row.map((option) => ({ ...option, error: option.error - least[at]! + rest })));
}

/** Errors relative to the chosen option's, which is 0. */
async function correctLayer(row: readonly Option[], chosen: Option, around: Awaited<ReturnType<Question['around']>>): Promise<Option[]> {
  const own = row.find(({ steps }) => steps === chosen.steps) ?? chosen;
  const correctSide = async (side: readonly Option[]): Promise<Option[]> => {
    const [next, ...others] = side;
    if (!next) return [];
    const measured = (await around.with(next)) - around.error;
    const stretch = Math.min(MOST_STRETCH, Math.max(1 / MOST_STRETCH, measured / (next.error - own.error) || 1));
    return [next, ...others].map((option) => ({
      ...option,
      error: option === next ? measured : measured + (option.error - next.error) * stretch,
    }));
  };
  const worse = row.filter(({ error }) => error > own.error).toSorted((a, b) => a.error - b.error);
  const better = row.filter(({ error }) => error < own.error).toSorted((a, b) => b.error - a.error);
  const same = row.filter(({ error }) => error === own.error).map((option) => ({ ...option, error: 0 }));
  const sides = [...(await correctSide(better)), ...same, ...(await correctSide(worse))];
  return sides.filter(({ error }) => Number.isFinite(error));
}
