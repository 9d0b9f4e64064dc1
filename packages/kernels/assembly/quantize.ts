// Quantizes a matrix block by block. Twin of kernels/reference/quantize.ts.
import { fitAbsmax } from './absmax';
import { encode, fitScale, fitZero, measureRange, setGrid } from './grid';
import { fitHqq } from './hqq';
import { fitMse } from './mse';

/** fit: 0 absmax, 1 mse, 2 hqq. `zeros` is written for symmetric grids too. */
export function quantize(
  values: usize, rows: i32, columns: i32, block: i32, bits: i32, symmetric: bool, fit: i32, half: bool,
  codes: usize, scales: usize, zeros: usize,
): void {
  setGrid(bits, symmetric, half);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += block) {
      const count = min(block, columns - column);
      measureRange(values, count);
      if (fit == 0) fitAbsmax(values, count);
      else if (fit == 1) fitMse(values, count);
      else fitHqq(values, count);
      encode(values, count, fitScale, fitZero, codes);
      store<f32>(scales, fitScale);
      store<u8>(zeros, fitZero);
      values += <usize>count << 2;
      codes += count;
      scales += 4;
      zeros += 1;
    }
  }
}
