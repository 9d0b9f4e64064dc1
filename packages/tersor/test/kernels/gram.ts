import { gaussian } from './values.ts';

/** XᵀX of as many positions as there are columns, and something on the diagonal. */
export function gramOf(columns: number, seed: number): Float64Array {
  const x = gaussian(columns * columns, seed);
  const gram = new Float64Array(columns * columns);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = i === j ? 0.01 * columns : 0;
      for (let row = 0; row < columns; row++) sum += x[row * columns + i]! * x[row * columns + j]!;
      gram[i * columns + j] = sum;
    }
  }
  return gram;
}
