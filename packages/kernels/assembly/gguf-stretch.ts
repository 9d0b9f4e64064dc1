// Scales that make up for what rounding takes from large values. Twin of kernels/reference/ggml/stretch.ts.
import { TURNED } from './gguf-lanes';
import { codeAt, inverseOf } from './gguf-refine';
import { nearestValue } from './gguf-tables';
import { IMPORTANCE } from './gguf-weights';

/** Of four parts: squared errors, values times errors, squares of values, all weighted. */
export let errors: v128 = f32x4.splat(0);
export let products: v128 = f32x4.splat(0);
export let squares: v128 = f32x4.splat(0);

/** Sets the three for values that become `scale * level - offset`. */
// @ts-ignore: decorator
@inline
export function sumUp(first: usize, stride: usize, scale: v128, offset: v128, least: f32, most: f32, isNonlinear: bool): void {
  const inverse = inverseOf(scale);
  let sumE = f32x4.splat(0), sumP = sumE, sumS = sumE;
  for (let l: usize = 0; l < 1024; l += stride) {
    const x = v128.load(TURNED + (first << 2) + l), w = v128.load(IMPORTANCE + (first << 2) + l);
    const level = isNonlinear ? nearestValue(f32x4.mul(f32x4.add(x, offset), inverse)) : codeAt(x, offset, inverse, least, most);
    const value = f32x4.sub(f32x4.mul(scale, level), offset), weighted = f32x4.mul(w, value), diff = f32x4.sub(value, x);
    sumE = f32x4.add(sumE, f32x4.mul(w, f32x4.mul(diff, diff)));
    sumP = f32x4.add(sumP, f32x4.mul(weighted, diff));
    sumS = f32x4.add(sumS, f32x4.mul(weighted, value));
  }
  errors = sumE;
  products = sumP;
  squares = sumS;
}

/** Weighted squared errors where levels of `scale` and `offset` stand for others. */
// @ts-ignore: decorator
@inline
export function errorsWith(
  first: usize,
  stride: usize,
  scale: v128,
  offset: v128,
  newScale: v128,
  newOffset: v128,
  least: f32,
  most: f32,
  isNonlinear: bool,
): v128 {
  const inverse = inverseOf(scale);
  let error = f32x4.splat(0);
  for (let l: usize = 0; l < 1024; l += stride) {
    const x = v128.load(TURNED + (first << 2) + l);
    const level = isNonlinear ? nearestValue(f32x4.mul(f32x4.add(x, offset), inverse)) : codeAt(x, offset, inverse, least, most);
    const diff = f32x4.sub(f32x4.sub(f32x4.mul(newScale, level), newOffset), x);
    error = f32x4.add(error, f32x4.mul(v128.load(IMPORTANCE + (first << 2) + l), f32x4.mul(diff, diff)));
  }
  return error;
}

/** By how much to multiply, so that the error stays within `most`; 1: not at all. */
export function stretchWithin(error: f64, product: f64, square: f64, most: f64): f64 {
  const kept = square - product, lost = error - product;
  if (!(kept > 0 && lost > 0 && error < most)) return 1;
  const by = lost / kept;
  if (error + by * (2 * product + by * square) <= most) return 1 + by;
  return 1 + (sqrt(product * product + square * (most - error)) - product) / square;
}
