import type { Numeric } from '../core/numeric.ts';

/**
 * Normal float: sixteen values that a normal distribution has equally often, scaled to -1 .. 1, with a zero.
 * Source: QLoRA, Dettmers et al. 2023, https://arxiv.org/abs/2305.14314, appendix E; values as bitsandbytes has them
 */
export const nf4: Numeric = {
  id: 'nf4',
  bits: 4,
  lo: -1,
  hi: 1,
  values: [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1,
  ],
};
