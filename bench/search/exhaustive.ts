import { openSolver } from '../../packages/tersor/src/compress/solve.ts';
import type { Candidate } from '../../packages/tersor/src/core/candidate.ts';
import type { Layer } from '../../packages/tersor/src/core/layers.ts';
import { randomFor } from '../../packages/tersor/src/core/random.ts';
import { allocate, sumOf } from '../../packages/tersor/src/search/allocate.ts';

/** Problems that were solved, and those whose solution is as small as the best of all combinations. */
export interface ExhaustiveRow {
  readonly layers: number;
  readonly problems: number;
  readonly equal: number;
}

const PROBLEMS = 10;

/** Allocations of up to ten layers of four options, losses spread over orders of magnitude, beside every combination there is. */
export async function exhaustiveRows(): Promise<ExhaustiveRow[]> {
  const solve = await openSolver();
  const rows: ExhaustiveRow[] = [];
  for (const layers of [4, 7, 10]) {
    let equal = 0;
    for (let problem = 0; problem < PROBLEMS; problem++) {
      const choices = randomChoices(layers, randomFor(problem, `${layers} layers`));
      const limit = choices.reduce((sum, row) => sum + row[1]!.error, 0) / 3;
      const chosen = await allocate(choices, 'bytes', { error: limit }, solve);
      const best = fewestBytes(choices, limit);
      if (chosen && sumOf(chosen, 'error') <= limit * (1 + 1e-9) && Math.abs(sumOf(chosen, 'bytes') / best - 1) < 1e-6) equal++;
    }
    rows.push({ layers, problems: PROBLEMS, equal });
  }
  return rows;
}

function randomChoices(layers: number, random: () => number): Candidate[][] {
  return Array.from({ length: layers }, () => {
    const [elements, weight] = [1e3 + random() * 1e6, 10 ** (-4 * random())];
    return [2, 4, 8, 32].map((bits): Candidate => {
      const error = bits === 32 ? 0 : weight * 4 ** -bits * (0.5 + random());
      return { layer: {} as Layer, bytes: Math.round((elements * bits) / 8), error };
    });
  });
}

function fewestBytes(choices: readonly (readonly Candidate[])[], limit: number): number {
  const visit = (at: number, bytes: number, error: number): number => {
    if (error > limit) return Number.POSITIVE_INFINITY;
    const row = choices[at];
    return row ? Math.min(...row.map((each) => visit(at + 1, bytes + each.bytes, error + each.error))) : bytes;
  };
  return visit(0, 0, 0);
}
