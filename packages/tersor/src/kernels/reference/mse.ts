import { type BlockFit, better, CHUNK, clamp, type Grid, inverseOf, nearest, rangeOf, squaredError, storable } from './grid.ts';

const { fround } = Math;
const REFINEMENTS = 2;

/**
 * Scale (and zero point) of least squared error: a sweep of about 80 clipped ranges, then the least-squares scale of the codes found.
 * Never worse than absmax, which is among the candidates: it is what the unclipped ranges come to.
 */
export function fitMse(block: Float32Array, grid: Grid): BlockFit {
  const candidates = [...(grid.symmetric ? symmetricCandidates(block, grid) : rangeCandidates(block, grid))];
  const [first] = candidates;
  if (!first || block.every((value) => value === 0)) return { scale: 0, zero: grid.symmetric ? grid.middle : 0 };
  return refine(block, grid, better(block, grid, first, candidates));
}

function* symmetricCandidates(block: Float32Array, grid: Grid): Generator<BlockFit> {
  const { low, high } = rangeOf(block);
  if (grid.levels === 255) return yield* clipped(fround(Math.max(high, -low) / 127), stepOf(grid), 80, grid);
  const extreme = high > -low ? high : low;
  yield* clipped(fround(extreme / -grid.middle), stepOf(grid), 40, grid);
  yield* clipped(fround(extreme / (grid.middle - 1)), stepOf(grid), 40, grid);
}

function* clipped(base: number, step: number, count: number, grid: Grid): Generator<BlockFit> {
  for (let k = 0; k < count; k++) yield { scale: storable(base * (1 - k * step), grid.scale), zero: grid.middle };
}

/** How far apart the clipped ranges are: with few levels much is clipped, with many the ends matter most. */
function stepOf({ levels }: Grid): number {
  if (levels > 127) return 1 / 256;
  return levels > 15 ? 2 / 256 : 5 / 256;
}

const RANGES = 28;

/**
 * Narrower ranges, each with three zero points: the smallest value kept, the largest value kept, both drawn in. Four ranges at a time,
 * for ties go to the first candidate and the twin has four lanes.
 */
function* rangeCandidates(block: Float32Array, grid: Grid): Generator<BlockFit> {
  const { low, high } = rangeOf(block);
  const base = fround((high - low) / grid.levels);
  for (let first = 0; first < RANGES; first += 4) {
    const ranges = [0, 1, 2, 3].map((lane) => {
      const factor = 1 - (first + lane) * stepOf(grid);
      const scale = storable(base * factor, grid.scale);
      const inverse = inverseOf(scale);
      const below = fround(-low * inverse);
      const above = fround(grid.levels - fround(high * inverse));
      return { scale, zeros: [below, above, fround(below * factor)] };
    });
    for (const anchor of [0, 1, 2]) {
      for (const { scale, zeros } of ranges) yield { scale, zero: clamp(nearest(zeros[anchor]!), 0, grid.levels) };
    }
  }
}

/** The least-squares scale for the codes that the best candidate gives, as long as it helps. */
function refine(block: Float32Array, grid: Grid, best: BlockFit): BlockFit {
  for (let round = 0; round < REFINEMENTS; round++) {
    const { product, square } = sumCodes(block, grid, best);
    if (square === 0 || product <= 0) return best;
    const refined = { scale: storable(best.scale * (product / square), grid.scale), zero: best.zero };
    if (!(squaredError(block, refined, grid) < squaredError(block, best, grid))) return best;
    best = refined;
  }
  return best;
}

/** Sums of code * step and code * code, in f32 in four strands: element i of a chunk goes to strand i mod 4. */
function sumCodes(block: Float32Array, { levels }: Grid, { scale, zero }: BlockFit): { product: number; square: number } {
  const inverse = inverseOf(scale);
  const products = new Float64Array(4);
  const squares = new Float64Array(4);
  for (let from = 0; from < block.length; from += CHUNK) {
    const [p, s] = [new Float32Array(4), new Float32Array(4)];
    block.subarray(from, from + CHUNK).forEach((value, i) => {
      const step = fround(value * inverse);
      const code = nearest(clamp(step, -zero, levels - zero));
      p[i % 4]! += fround(code * step);
      s[i % 4]! += fround(code * code);
    });
    for (let strand = 0; strand < 4; strand++) {
      products[strand]! += p[strand]!;
      squares[strand]! += s[strand]!;
    }
  }
  return { product: addStrands(products), square: addStrands(squares) };
}

function addStrands([a = 0, b = 0, c = 0, d = 0]: Float64Array): number {
  return a + c + (b + d);
}
