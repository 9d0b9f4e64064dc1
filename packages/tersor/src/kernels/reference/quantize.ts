import type { Quantized, QuantizeSpec } from '../../core/kernels.ts';
import { fitAbsmax } from './absmax.ts';
import { type BlockFit, clamp, type Grid, gridOf, inverseOf, nearest } from './grid.ts';
import { fitHqq } from './hqq.ts';
import { fitMse } from './mse.ts';
import { peakOf } from './peak.ts';
import { transpose } from './transpose.ts';

const FITS = { absmax: fitAbsmax, mse: fitMse, hqq: fitHqq } satisfies Record<QuantizeSpec['fit'], unknown>;

/** Quantizes a matrix block by block: code = clamp(round(value / scale) + zero). */
export function quantize(given: Float32Array, spec: QuantizeSpec): Quantized {
  const { rows, columns, block, bits, symmetric } = spec;
  const values = spec.transposed ? transpose(given, columns, rows) : given;
  const grid = gridOf(spec);
  const blocks = Math.ceil(columns / block);
  const codes = new Uint8Array(values.length);
  const scales = new Float32Array(rows * blocks);
  const zeros = new Uint8Array(rows * blocks);
  for (let row = 0; row < rows; row++) {
    for (let b = 0; b < blocks; b++) {
      const start = row * columns + b * block;
      const part = values.subarray(start, row * columns + Math.min(columns, (b + 1) * block));
      const fit = FITS[spec.fit](part, grid);
      scales[row * blocks + b] = fit.scale;
      zeros[row * blocks + b] = fit.zero;
      encode(part, fit, grid, codes.subarray(start));
    }
  }
  const peak = peakOf(values);
  return symmetric ? { codes, scales, bits, peak } : { codes, scales, zeros, bits, peak };
}

function encode(block: Float32Array, { scale, zero }: BlockFit, { levels }: Grid, codes: Uint8Array): void {
  const inverse = inverseOf(scale);
  block.forEach((value, i) => {
    codes[i] = nearest(clamp(Math.fround(value * inverse), -zero, levels - zero)) + zero;
  });
}
