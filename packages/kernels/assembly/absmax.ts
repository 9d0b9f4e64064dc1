// Scales from the extremes of a block. Twin of kernels/reference/absmax.ts.
import { errorA, errorB, high, inverseOf, levels, low, middle, setFit, squaredErrors, storable, symmetric } from './grid';

/** Expects `measureRange`. */
export function fitAbsmax(values: usize, count: i32): void {
  if (low == 0 && high == 0) return setFit(0, symmetric ? middle : 0);
  if (!symmetric) return fitRange();
  if (levels == 255) return setFit(storable(max(high, -low) / <f32>127), middle);
  const extreme = high > -low ? high : low;
  const down = storable(extreme / <f32>(-middle));
  const up = storable(extreme / <f32>(middle - 1));
  squaredErrors(values, count, down, up, middle);
  setFit(errorB < errorA ? up : down, middle);
}

function fitRange(): void {
  const scale = storable(<f32>((<f64>high - <f64>low) / <f64>levels));
  const zero = nearest(-low * inverseOf(scale));
  setFit(scale, <i32>min(max(zero, <f32>0), <f32>levels));
}
