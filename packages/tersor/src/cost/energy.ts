import type { EnergyProfile } from '../core/device.ts';

/**
 * What arithmetic and bytes take at 45 nm: the arithmetic alone, without fetching and decoding instructions, so a lower bound for processors.
 * DRAM is 1.3 nJ and a cache of 1 MB 100 pJ for 64 bits.
 */
export const ENERGY_45NM: EnergyProfile = {
  mac: { f32: 4.6, f64: 20, f16: 1.5, i8: 0.23 },
  memoryByte: 163,
  cacheByte: 12.5,
  source: "Horowitz 2014, Computing's energy problem, https://doi.org/10.1109/ISSCC.2014.6757323",
};
