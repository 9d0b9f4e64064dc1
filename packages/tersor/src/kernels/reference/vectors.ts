import type { Compensation, RefinedVectors, VectorGrid, VectorRefinement } from '../../core/kernels.ts';
import { metricsOfFactor, metricsOfGram, type VectorMetrics } from '../vector-metrics.ts';

const { fround } = Math;
/** Entries of the first book that are tried with all of the second: at first, and when there is a pair already. */
const [BEAM, FEW] = [4, 2];

/** Twin of assembly/vectors.ts. */
export function clusterVectors(
  values: Float32Array,
  weights: Float32Array,
  start: Float32Array,
  vector: number,
  rounds: number,
): Float32Array {
  const book = start.slice();
  for (let round = 0; round < rounds; round++) {
    const sums = new Float64Array(book.length);
    const totals = new Float64Array(book.length);
    for (let at = 0; at < values.length; at += vector) {
      const costs = Array.from({ length: book.length / vector }, (_, k) => {
        let cost = 0;
        for (let j = 0; j < vector; j++) {
          const off = fround(values[at + j]! - book[k * vector + j]!);
          cost = fround(cost + fround(weights[at + j]! * fround(off * off)));
        }
        return cost;
      });
      const nearest = leastOf(costs);
      for (let j = 0; j < vector; j++) {
        sums[nearest * vector + j]! += weights[at + j]! * values[at + j]!;
        totals[nearest * vector + j]! += weights[at + j]!;
      }
    }
    totals.forEach((total, i) => {
      if (total > 0) book[i] = sums[i]! / total;
    });
  }
  return book;
}

export function compensateVectors(values: Float32Array, grid: VectorGrid, by: Compensation): Uint8Array {
  const { rows, columns, vector, scales } = grid;
  const { order, factor } = by;
  const known = metricsOfFactor(grid, by);
  const indices = new Uint8Array(grid.count * rows * (columns / vector));
  for (let row = 0; row < rows; row++) {
    const left = values.slice(row * columns, (row + 1) * columns);
    for (let i = 0; i < columns; i += vector) {
      const column = order[i]!;
      const place: Place = { grid, known, at: i / vector, scale: scales[row]! };
      const chosen = choose(place, multiply(place, left.subarray(column, column + vector)), BEAM);
      store(indices, grid, row, column / vector, chosen);
      const values = valuesOf(grid, scales[row]!, chosen);
      for (let j = 0; j < vector; j++) {
        const error = fround(fround(left[column + j]! - values[j]!) * fround(1 / factor[(i + j) * columns + i + j]!));
        for (let k = i + j + 1; k < columns; k++) {
          left[order[k]!] = fround(left[order[k]!]! - fround(error * factor[(i + j) * columns + k]!));
        }
      }
    }
  }
  return indices;
}

export function refineVectors(values: Float32Array, { grid, indices: before, gram }: VectorRefinement): RefinedVectors {
  const { rows, columns, vector, count, entries, scales } = grid;
  const known = metricsOfGram(grid, gram);
  const indices = before.slice();
  const slopes = new Float64Array(count * entries * vector * 2);
  const losses: [number, number] = [0, 0];
  const vectors = columns / vector;
  for (let row = 0; row < rows; row++) {
    const scale = scales[row]!;
    const chosenAt = (at: number) => Array.from({ length: count }, (_, book) => indices[(book * rows + row) * vectors + at]!);
    const gradient = new Float32Array(columns);
    const add = (column: number, delta: number) => {
      if (!gram) gradient[column] = fround(gradient[column]! + delta);
      else for (let k = 0; k < columns; k++) gradient[k] = fround(gradient[k]! + fround(delta * gram[column * columns + k]!));
    };
    const leftOf = (column: number) => {
      const at = Math.floor(column / vector);
      return fround(values[row * columns + column]! - valuesOf(grid, scale, chosenAt(at))[column - at * vector]!);
    };
    const loss = () =>
      Float64Array.from({ length: columns }, (_, column) => gradient[column]! * leftOf(column)).reduce((sum, each) => sum + each, 0);
    for (let column = 0; column < columns; column++) add(column, leftOf(column));
    losses[0] += loss();
    for (let at = 0; at < vectors; at++) {
      const old = chosenAt(at);
      const current = valuesOf(grid, scale, old);
      const place: Place = { grid, known, at, scale };
      const targets = multiply(place, current).map((value, j) => value + gradient[at * vector + j]!);
      const chosen = choose(place, targets, FEW, old);
      if (chosen.every((entry, book) => entry === old[book])) continue;
      store(indices, grid, row, at, chosen);
      valuesOf(grid, scale, chosen).forEach((value, j) => {
        add(at * vector + j, fround(current[j]! - value));
      });
    }
    losses[1] += loss();
    for (let at = 0; at < vectors; at++) {
      chosenAt(at).forEach((entry, book) => {
        for (let j = 0; j < vector; j++) {
          const to = ((book * entries + entry) * vector + j) * 2;
          slopes[to]! += scale * gradient[at * vector + j]!;
          slopes[to + 1]! += scale * scale * known.metrics[(at * vector + j) * vector + j]!;
        }
      });
    }
  }
  return { indices, losses, slopes };
}

/** A vector of a row, in the order in which the metrics are. */
interface Place {
  readonly grid: VectorGrid;
  readonly known: VectorMetrics;
  readonly at: number;
  readonly scale: number;
}

function store(indices: Uint8Array, { rows, columns, vector }: VectorGrid, row: number, at: number, chosen: readonly number[]): void {
  const vectors = columns / vector;
  chosen.forEach((entry, book) => {
    indices[(book * rows + row) * vectors + at] = entry;
  });
}

function valuesOf({ vector, entries, books }: VectorGrid, scale: number, chosen: readonly number[]): Float32Array {
  return Float32Array.from({ length: vector }, (_, j) => {
    const [first = 0, second] = chosen.map((entry, book) => books[(book * entries + entry) * vector + j]!);
    return fround(second === undefined ? first : fround(first + second)) * scale;
  });
}

function multiply({ grid: { vector }, known, at }: Place, values: Float32Array): Float32Array {
  return Float32Array.from({ length: vector }, (_, j) => {
    let sum = 0;
    for (let k = 0; k < vector; k++) sum = fround(sum + fround(known.metrics[(at * vector + j) * vector + k]! * values[k]!));
    return sum;
  });
}

function costsOf({ grid: { vector, count, entries, books }, known, at, scale }: Place, book: number, targets: Float32Array): number[] {
  return Array.from({ length: entries }, (_, k) => {
    let cost = fround(scale * known.halves[(at * count + book) * entries + k]!);
    for (let j = 0; j < vector; j++) cost = fround(cost - fround(books[(book * entries + k) * vector + j]! * targets[j]!));
    return cost;
  });
}

function without(place: Place, book: number, entry: number, targets: Float32Array): Float32Array {
  const { vector, entries, books } = place.grid;
  const values = Float32Array.from({ length: vector }, (_, j) => place.scale * books[(book * entries + entry) * vector + j]!);
  return multiply(place, values).map((value, j) => targets[j]! - value);
}

/** @param there  the pair that is there: its first entry is tried, too */
function choose(place: Place, targets: Float32Array, width: number, there: readonly number[] = []): number[] {
  const costs = costsOf(place, 0, targets);
  if (place.grid.count === 1) return [leastOf(costs)];
  const several = [...costs.keys()].sort((a, b) => costs[a]! - costs[b]! || a - b).slice(0, width);
  const pairs = [...several, ...there.slice(0, 1)].map((first) => {
    const others = costsOf(place, 1, without(place, 0, first, targets));
    const second = leastOf(others);
    return { entries: [first, second], cost: fround(costs[first]! + others[second]!) };
  });
  return pairs[leastOf(pairs.map(({ cost }) => cost))]!.entries;
}

/** The first of the least. */
function leastOf(costs: readonly number[]): number {
  return costs.reduce((best, cost, i) => (cost < costs[best]! ? i : best), 0);
}
