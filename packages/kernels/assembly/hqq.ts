// Half-quadratic quantization. Twin of kernels/reference/hqq.ts. Four strengths of shrinkage sit in the four lanes; every lane sums the block in order.
import { fitAbsmax } from './absmax';
import { CHUNK, fitScale, fitZero, levels, setFit, storable4, symmetric } from './grid';

const ROUNDS: i32 = 8;

/** Adds the four partial sums to the pair of f64 vectors at `at`. */
// @ts-ignore: decorator
@inline
function flush(at: usize, partial: v128): void {
  v128.store(at, f64x2.add(v128.load(at), f64x2.promote_low_f32x4(partial)));
  v128.store(at, f64x2.add(v128.load(at, 16), f64x2.promote_low_f32x4(v128.shuffle<u32>(partial, partial, 2, 3, 2, 3))), 16);
}

/** objective[4], product[4], square[4], offset[4], as f64 */
const SUMS: usize = memory.data(128, 16);
const SCALES: usize = memory.data(16, 16);
const ZEROS: usize = memory.data(16, 16);

/** Expects `measureRange`. */
export function fitHqq(values: usize, count: i32): void {
  fitAbsmax(values, count);
  if (fitScale == 0) return;
  let scale = f32x4.splat(fitScale);
  let zero = f32x4.splat(<f32>fitZero);
  let bestObjective: f64 = Infinity;
  let bestScale = fitScale, bestZero = fitZero;
  let beta = f32x4(1, 2, 4, 8);
  for (let round = 0; round < ROUNDS; round++) {
    accumulate(values, count, scale, zero, beta);
    v128.store(SCALES, scale);
    v128.store(ZEROS, zero);
    for (let lane = 0; lane < 4; lane++) {
      const s = load<f32>(SCALES + (<usize>lane << 2)), z = load<f32>(ZEROS + (<usize>lane << 2));
      const root = sqrt(Math.abs(s));
      const objective = load<f64>(SUMS + (<usize>lane << 3)) * (root * sqrt(root));
      if (objective < bestObjective) {
        bestObjective = objective;
        bestScale = s;
        bestZero = <i32>z;
      }
      const product = load<f64>(SUMS + (<usize>lane << 3), 32), square = load<f64>(SUMS + (<usize>lane << 3), 64);
      if (product > 0 && square > 0) store<f32>(SCALES + (<usize>lane << 2), <f32>(<f64>s * (product / square)));
      if (symmetric) continue;
      const moved = z + <f32>nearest(load<f64>(SUMS + (<usize>lane << 3), 96) / <f64>count);
      store<f32>(ZEROS + (<usize>lane << 2), min(max(moved, <f32>0), <f32>levels));
    }
    scale = storable4(v128.load(SCALES));
    zero = v128.load(ZEROS);
    beta = f32x4.mul(beta, f32x4.splat(1.25));
  }
  setFit(bestScale, bestZero);
}

function accumulate(values: usize, count: i32, scale: v128, zero: v128, strength: v128): void {
  memory.fill(SUMS, 0, 128);
  const one = f32x4.splat(1), nil = f32x4.splat(0), sign = i32x4.splat(0x80000000);
  const inverse = f32x4.div(one, scale);
  const lo = f32x4.sub(nil, zero), hi = f32x4.sub(f32x4.splat(<f32>levels), zero);
  for (let from = 0; from < count; from += CHUNK) {
    let objective = nil, product = nil, square = nil, offset = nil;
    const end = values + (<usize>min(from + CHUNK, count) << 2);
    for (let at = values + (<usize>from << 2); at < end; at += 4) {
      const t = f32x4.mul(v128.load32_splat(at), inverse);
      const q = f32x4.nearest(f32x4.pmin(f32x4.pmax(t, lo), hi));
      const e = f32x4.sub(t, q);
      const a = f32x4.abs(e);
      const root = f32x4.sqrt(a);
      const quarter = f32x4.sqrt(root);
      objective = f32x4.add(objective, f32x4.mul(root, quarter));
      const shrunk = f32x4.pmax(nil, f32x4.sub(a, f32x4.div(one, f32x4.mul(strength, quarter))));
      const target = f32x4.sub(t, v128.or(shrunk, v128.and(e, sign)));
      product = f32x4.add(product, f32x4.mul(q, target));
      square = f32x4.add(square, f32x4.mul(q, q));
      offset = f32x4.add(offset, f32x4.sub(q, target));
    }
    flush(SUMS, objective);
    flush(SUMS + 32, product);
    flush(SUMS + 64, square);
    flush(SUMS + 96, offset);
  }
}
