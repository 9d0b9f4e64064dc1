import type { WeightId } from '../core/graph.ts';
import type { Weight } from '../core/model.ts';
import { integerLayout } from './integer-layout.ts';

/**
 * Sylvester's Hadamard matrix `[size, size]`, over the root of the size: the sign at (i, j) tells whether i and j have an even number of bits in common.
 * It is stored as bytes, exactly, so that no later step rounds it.
 */
export function hadamardWeight(id: WeightId, size: number): Weight {
  const shape = [size, size];
  const layout = integerLayout({ outputAxes: [1], inputs: size }, { bits: 8, block: 'row', symmetric: true, scale: 'f32' });
  const load = async () => {
    const codes = Uint8Array.from({ length: size * size }, (_, at) => 128 + signAt(Math.floor(at / size), at % size));
    return { kind: 'affine' as const, shape, layout, codes, scales: new Float32Array(size).fill(1 / Math.sqrt(size)) };
  };
  return { id, shape, dtype: 'f32', layout, load };
}

function signAt(i: number, j: number): number {
  let parity = 0;
  for (let bits = i & j; bits !== 0; bits >>= 1) parity ^= bits & 1;
  return parity === 0 ? 1 : -1;
}
