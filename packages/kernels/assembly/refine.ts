// Codes and scales after GPTQ's rounding, made better by coordinate descent. Twin of kernels/reference/refine.ts: eight rows of the matrix at a time,
// turned, so that they lie in the lanes.

import { nearestHalf } from './half';

/** Bytes of eight rows of a column. */
const PITCH: usize = 32;

/**
 * @param values  `[columns, 8]`, f32
 * @param columns  a multiple of 4
 * @param gram  `[columns, columns]`, f32; its diagonal is positive
 * @param scales  `[blocks, 8]`, f32; changed
 * @param zeros  the same, f32
 * @param block  columns that share scales
 * @param most  the largest code
 * @param steps  `[columns, 8]`, f32: codes without their zero points; changed
 * @param gradient  room for as much
 * @param deltas  room for as much
 * @param rounds  times that scales are fitted
 * @param half  1 where scales are to be halves
 */
export function refine(
  values: usize, columns: i32, gram: usize, scales: usize, zeros: usize, block: i32, most: f32,
  steps: usize, gradient: usize, deltas: usize, rounds: i32, half: i32,
): void {
  for (let column = 0; column < columns; column++) {
    const at = <usize>column * PITCH, group = scales + <usize>(column / block) * PITCH;
    for (let lane: usize = 0; lane < PITCH; lane += 16) {
      const stored = f32x4.mul(v128.load(steps + at + lane), v128.load(group + lane));
      v128.store(deltas + at + lane, f32x4.sub(v128.load(values + at + lane), stored));
      v128.store(gradient + at + lane, f32x4.splat(0));
    }
  }
  addAll(gradient, gram, deltas, 0, columns, columns);
  for (let round = 0; round < rounds; round++) {
    descend(columns, gram, scales, zeros, block, most, steps, gradient);
    for (let start = 0; start < columns; start += block) {
      fit(start, min(columns, start + block), columns, gram, scales + <usize>(start / block) * PITCH, steps, gradient, deltas, half);
    }
  }
  descend(columns, gram, scales, zeros, block, most, steps, gradient);
}

/** Every code in turn becomes the best there is while all others stay. */
function descend(columns: i32, gram: usize, scales: usize, zeros: usize, block: i32, most: f32, steps: usize, gradient: usize): void {
  const nil = f32x4.splat(0), one = f32x4.splat(1), top = f32x4.splat(most);
  for (let column = 0; column < columns; column++) {
    const row = gram + (<usize>column * columns << 2);
    const curvature = v128.load32_splat(row + (<usize>column << 2));
    const at = <usize>column * PITCH, group = <usize>(column / block) * PITCH;
    for (let lane: usize = 0; lane < PITCH; lane += 16) {
      const scale = v128.load(scales + group + lane), zero = v128.load(zeros + group + lane), step = v128.load(steps + at + lane);
      const steep = f32x4.mul(curvature, scale);
      const inverse = v128.andnot(f32x4.div(one, steep), f32x4.eq(steep, nil));
      const moved = f32x4.add(step, f32x4.nearest(f32x4.mul(v128.load(gradient + at + lane), inverse)));
      const next = f32x4.pmin(f32x4.pmax(moved, f32x4.neg(zero)), f32x4.sub(top, zero));
      if (!v128.any_true(f32x4.ne(next, step))) continue;
      v128.store(steps + at + lane, next);
      add(gradient + lane, row, f32x4.mul(f32x4.sub(step, next), scale), columns);
    }
  }
}

/** The scale of a block becomes the best there is for its codes. */
function fit(start: i32, end: i32, columns: i32, gram: usize, scales: usize, steps: usize, gradient: usize, deltas: usize, half: i32): void {
  let isNew = false;
  for (let lane: usize = 0; lane < PITCH; lane += 16) {
    let along = f32x4.splat(0), curvature = f32x4.splat(0);
    for (let j = start; j < end; j++) {
      const at = <usize>j * PITCH + lane, row = gram + (<usize>j * columns << 2);
      const step = v128.load(steps + at);
      along = f32x4.add(along, f32x4.mul(step, v128.load(gradient + at)));
      let inner = f32x4.splat(0);
      for (let k = start; k < end; k++) {
        inner = f32x4.add(inner, f32x4.mul(v128.load32_splat(row + (<usize>k << 2)), v128.load(steps + <usize>k * PITCH + lane)));
      }
      curvature = f32x4.add(curvature, f32x4.mul(step, inner));
    }
    const scale = v128.load(scales + lane);
    const best = f32x4.add(scale, f32x4.div(along, curvature));
    const stored = half ? nearestHalf(best) : best;
    // a scale keeps its sign; where there is nothing to fit, it stays
    const isGood = v128.and(f32x4.gt(curvature, f32x4.splat(0)), f32x4.gt(f32x4.mul(stored, scale), f32x4.splat(0)));
    const next = v128.bitselect(stored, scale, isGood);
    v128.store(scales + lane, next);
    const less = f32x4.sub(scale, next);
    if (v128.any_true(f32x4.ne(less, f32x4.splat(0)))) isNew = true;
    for (let j = start; j < end; j++) {
      const at = <usize>j * PITCH + lane;
      v128.store(deltas + at, f32x4.mul(v128.load(steps + at), less));
    }
  }
  if (isNew) addAll(gradient, gram, deltas, start, end, columns);
}

/** What changes of one column's values, of four rows, do to the gradient of all columns. */
// @ts-ignore: decorator
@inline
function add(gradient: usize, row: usize, delta: v128, columns: i32): void {
  for (let end = gradient + <usize>columns * PITCH; gradient < end; gradient += PITCH * 4) {
    v128.store(gradient, f32x4.add(v128.load(gradient), f32x4.mul(delta, v128.load32_splat(row))));
    v128.store(gradient, f32x4.add(v128.load(gradient, 32), f32x4.mul(delta, v128.load32_splat(row, 4))), 32);
    v128.store(gradient, f32x4.add(v128.load(gradient, 64), f32x4.mul(delta, v128.load32_splat(row, 8))), 64);
    v128.store(gradient, f32x4.add(v128.load(gradient, 96), f32x4.mul(delta, v128.load32_splat(row, 12))), 96);
    row += 16;
  }
}

/** The same for columns from `start` to `end`, of eight rows. */
export function addAll(gradient: usize, gram: usize, deltas: usize, start: i32, end: i32, columns: i32): void {
  const pitch = <usize>columns << 2;
  let j = start;
  for (; j + 4 <= end; j += 4) {
    const from = deltas + <usize>j * PITCH;
    let row = gram + <usize>j * pitch;
    const a0 = v128.load(from), a1 = v128.load(from, 16), b0 = v128.load(from, 32), b1 = v128.load(from, 48);
    const c0 = v128.load(from, 64), c1 = v128.load(from, 80), d0 = v128.load(from, 96), d1 = v128.load(from, 112);
    for (let to = gradient, last = gradient + <usize>columns * PITCH; to < last; to += PITCH) {
      let each = v128.load32_splat(row);
      let g0 = f32x4.add(v128.load(to), f32x4.mul(a0, each)), g1 = f32x4.add(v128.load(to, 16), f32x4.mul(a1, each));
      each = v128.load32_splat(row + pitch);
      g0 = f32x4.add(g0, f32x4.mul(b0, each));
      g1 = f32x4.add(g1, f32x4.mul(b1, each));
      each = v128.load32_splat(row + 2 * pitch);
      g0 = f32x4.add(g0, f32x4.mul(c0, each));
      g1 = f32x4.add(g1, f32x4.mul(c1, each));
      each = v128.load32_splat(row + 3 * pitch);
      v128.store(to, f32x4.add(g0, f32x4.mul(d0, each)));
      v128.store(to, f32x4.add(g1, f32x4.mul(d1, each)), 16);
      row += 4;
    }
  }
  for (; j < end; j++) {
    for (let lane: usize = 0; lane < PITCH; lane += 16) {
      add(gradient + lane, gram + <usize>j * pitch, v128.load(deltas + <usize>j * PITCH + lane), columns);
    }
  }
}
