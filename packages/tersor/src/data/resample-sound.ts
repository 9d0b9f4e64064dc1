import type { Sound } from './decode-wav.ts';

/** Zero crossings of the sinc on each side: what lies above the new limit is down by more than 60 dB a few percent further. */
const CROSSINGS = 24;

/** Sound at another rate: a sinc under a Hann window, that lets through what both rates can hold. */
export function resampleSound({ rate, samples }: Sound, to: number): Float32Array {
  if (rate === to) return samples;
  const step = rate / to;
  const cutoff = Math.min(1, to / rate);
  const half = CROSSINGS / cutoff;
  const result = new Float32Array(Math.max(1, Math.floor(samples.length / step)));
  for (let i = 0; i < result.length; i++) {
    const centre = i * step;
    let sum = 0;
    for (let k = Math.max(0, Math.ceil(centre - half)); k <= centre + half && k < samples.length; k++) {
      sum += samples[k]! * kernel(k - centre, cutoff, half);
    }
    result[i] = sum;
  }
  return result;
}

function kernel(distance: number, cutoff: number, half: number): number {
  const x = Math.PI * cutoff * distance;
  const sinc = x === 0 ? 1 : Math.sin(x) / x;
  return cutoff * sinc * (0.5 + 0.5 * Math.cos((Math.PI * distance) / half));
}
