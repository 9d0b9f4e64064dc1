/**
 * The power of two in whose units scales are stored as halves: the largest becomes 2^14 to 2^15, so that scales down to 2^-28 of it keep
 * all eleven bits. Without a unit, weights of a small magnitude, as folding BatchNormalization leaves them, would fall among the
 * denormal halves and lose them.
 */
export function scaleUnit(largest: number): number {
  return largest > 0 && Number.isFinite(largest) ? 2 ** Math.max(-126, Math.floor(Math.log2(largest)) - 14) : 1;
}
