// ggml's searches for the codes of a super-block's scales. Twins of fitScales and fitAroundZero in kernels/reference/ggml/fit-around-zero.ts, for few numbers.
import { nearestInt } from './gguf-lanes';

const NOTHING: f32 = 1e-15;

/** Codes of `count` numbers from 0 to `most`, written as integers; returns what they are to be multiplied by. */
export function fitScales(values: usize, weights: usize, count: usize, most: i32, codes: usize): f32 {
  const end = count << 2;
  let largest: f32 = 0;
  for (let j: usize = 0; j < end; j += 4) largest = max(largest, load<f32>(values + j));
  if (largest < NOTHING) {
    memory.fill(codes, 0, end);
    return 0;
  }
  let best = <f32>most / largest, least: f32 = f32.POSITIVE_INFINITY;
  for (let i = 0; i < 9; i++) {
    // the plain scale comes first
    const shift = i == 0 ? 0 : i < 5 ? i - 5 : i - 4;
    const inverse = (<f32>0.1 * <f32>shift + <f32>most) / largest;
    const scale = <f32>1 / inverse;
    let error: f32 = 0;
    for (let j: usize = 0; j < end; j += 4) {
      const x = load<f32>(values + j);
      const diff = x - scale * <f32>min(most, nearestInt(inverse * x));
      error += load<f32>(weights + j) * diff * diff;
    }
    if (error < least) {
      best = inverse;
      least = error;
    }
  }
  let sumLX: f32 = 0, sumLL: f32 = 0;
  for (let j: usize = 0; j < end; j += 4) {
    const x = load<f32>(values + j), w = load<f32>(weights + j);
    const code = min(most, nearestInt(best * x)) & 255;
    store<i32>(codes + j, code);
    sumLX += w * x * <f32>code;
    sumLL += w * <f32>code * <f32>code;
  }
  for (let pass = 0, changed = true; pass < 5 && changed; pass++) {
    changed = false;
    for (let j: usize = 0; j < end; j += 4) {
      const x = load<f32>(values + j), w = load<f32>(weights + j), code = load<i32>(codes + j);
      const others = sumLX - w * x * <f32>code, squares = sumLL - w * <f32>code * <f32>code;
      if (!(others > 0 && squares > 0)) continue;
      const wanted = min(most, nearestInt((x * squares) / others));
      if (wanted == code) continue;
      const lx = others + w * x * <f32>wanted, ll = squares + w * <f32>wanted * <f32>wanted;
      if (!(ll > 0 && lx * lx * sumLL > sumLX * sumLX * ll)) continue;
      store<i32>(codes + j, wanted & 255);
      sumLX = lx;
      sumLL = ll;
      changed = true;
    }
  }
  return sumLL > 0 ? sumLX / sumLL : 0;
}

/** Codes of `count` numbers from -half to half - 1; returns what they are to be multiplied by. */
export function fitSignedScales(values: usize, weights: usize, count: usize, half: i32, codes: usize): f32 {
  const end = count << 2;
  let extreme: f32 = 0;
  for (let j: usize = 0; j < end; j += 4) {
    const x = load<f32>(values + j);
    if (abs(x) > abs(extreme)) extreme = x;
  }
  if (abs(extreme) < NOTHING) {
    for (let j: usize = 0; j < end; j += 4) store<i32>(codes + j, -half);
    return 0;
  }
  let scale: f32 = 0, best: f32 = 0, bestInverse: f32 = 0;
  for (let i = -10; i <= 9; i++) {
    if (i == 0) continue;
    const isFirst = i == -10;
    const inverse = -(<f32>half + (isFirst ? <f32>0 : <f32>0.1 * <f32>i)) / extreme;
    let sumLX: f32 = 0, sumLL: f32 = 0;
    for (let j: usize = 0; j < end; j += 4) {
      const x = load<f32>(values + j), w = load<f32>(weights + j);
      const code = <f32>max(-half, min(half - 1, nearestInt(inverse * x)));
      sumLX += w * x * code;
      sumLL += w * code * code;
    }
    if (!isFirst && !(sumLL > 0 && sumLX * sumLX > best * sumLL)) continue;
    scale = sumLL == 0 ? 0 : sumLX / sumLL;
    best = scale * sumLX;
    bestInverse = inverse;
  }
  for (let j: usize = 0; j < end; j += 4) store<i32>(codes + j, max(-half, min(half - 1, nearestInt(bestInverse * load<f32>(values + j)))));
  return scale;
}
