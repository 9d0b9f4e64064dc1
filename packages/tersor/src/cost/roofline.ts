import type { Arithmetic, EnergyCost, LatencyCost, OperatorCost, OperatorTime } from '../core/cost.ts';
import type { DeviceProfile, ProductFamily, Rates } from '../core/device.ts';
import { ENERGY_45NM } from './energy.ts';

/**
 * How long an operator takes: as long as the slower one of its arithmetic and its bytes, and what starting it costs.
 * Source: Williams, Waterman and Patterson 2009, https://doi.org/10.1145/1498765.1498785
 *
 * @param weightBytes  of the whole model: weights that do not fit into the cache come from memory in every run
 */
export function timeOf(cost: Omit<OperatorCost, 'time'>, device: DeviceProfile, weightBytes: number): OperatorTime | undefined {
  if (cost.family === 'control' || cost.fused) return undefined;
  const { memory, cache, cacheBytes } = device.bandwidth;
  const bandwidth = (bytes: number) => (bytes > cacheBytes ? memory : cache) * 1e6; // bytes a millisecond
  const activations = cost.readBytes + cost.writtenBytes;
  const compute = cost.macs / (rateOf(cost, device) * 1e6) + cost.operations / (device.gigaoperations * 1e6);
  const bytes = cost.weightBytes / bandwidth(weightBytes) + activations / bandwidth(activations / Math.max(1, cost.runs));
  const overhead = (cost.runs * device.overhead.operator) / 1e3;
  const ms = overhead + Math.max(compute, bytes);
  const bound = overhead > Math.max(compute, bytes) ? 'overhead' : compute > bytes ? 'compute' : 'memory';
  return { ms, bound };
}

/** The latency and the energy of one run. */
export function latencyOf(operators: readonly OperatorCost[], device: DeviceProfile, weightBytes: number): LatencyCost {
  const start = device.overhead.run / 1e3;
  const ms = { compute: 0, memory: 0, overhead: start };
  for (const { time } of operators) if (time) ms[time.bound] += time.ms;
  const total = ms.compute + ms.memory + ms.overhead;
  const share = { compute: ms.compute / total, memory: ms.memory / total, overhead: ms.overhead / total };
  return { device: device.name, basis: device.basis, ms: total, share, energy: energyOf(operators, device, weightBytes) };
}

/** The part that an arithmetic's cost is of: `f32` stands in for what is not stated. */
function rateIn(rates: Rates, arithmetic: Arithmetic): number {
  return rates[arithmetic] ?? rates.f32;
}

function rateOf({ family, arithmetic }: Pick<OperatorCost, 'family' | 'arithmetic'>, { gigamacs }: DeviceProfile): number {
  const rates = isProduct(family) ? gigamacs[family] : undefined;
  return rateIn(rates ?? gigamacs.linear, arithmetic);
}

function isProduct(family: OperatorCost['family']): family is ProductFamily {
  return family === 'linear' || family === 'conv' || family === 'depthwise' || family === 'recurrent';
}

function energyOf(operators: readonly OperatorCost[], { energy = ENERGY_45NM, bandwidth }: DeviceProfile, weightBytes: number): EnergyCost {
  const perByte = (bytes: number) => (bytes > bandwidth.cacheBytes ? energy.memoryByte : energy.cacheByte);
  let picojoules = 0;
  for (const cost of operators) {
    const activations = cost.readBytes + cost.writtenBytes;
    picojoules += cost.macs * rateIn(energy.mac, cost.arithmetic) + cost.operations * energy.mac.f32;
    picojoules += cost.weightBytes * perByte(weightBytes) + activations * perByte(activations / Math.max(1, cost.runs));
  }
  return { millijoules: picojoules / 1e9, source: energy.source };
}
