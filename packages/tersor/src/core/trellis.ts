/** The state behind a level, by the state before it and whether its number is odd. In even states levels are even, in odd ones odd or 0. */
export const NEXT = [
  [0, 2],
  [5, 7],
  [1, 3],
  [6, 4],
  [2, 0],
  [4, 6],
  [3, 1],
  [7, 5],
] as const;

/** What level a number of a quantizer stands for. */
export function levelOf(number: number, quantizer: number): number {
  return quantizer === 0 ? 2 * number : 2 * number - Math.sign(number);
}
