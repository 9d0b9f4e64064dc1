// What the adaptive coder's two directions share. Twin of kernels/reference/adaptive.ts.
// A context is 256 words: for each node of the tree of a symbol's bits, the probability of a one in 65536ths and how often the node was met.

const LEAST: i32 = 32;
const MOST_MET: i32 = 255;
const RATES = memory.data(512, 16);
let hasRates = false;

/** All contexts as they begin: even chances, never met. */
export function beginContexts(contexts: usize, count: i32): void {
  if (!hasRates) {
    for (let met: i32 = 0; met <= MOST_MET; met++) store<u16>(RATES + (<usize>met << 1), <u16>(131072 / (2 * met + 3)));
    hasRates = true;
  }
  const end = contexts + (<usize>count << 10);
  for (; contexts < end; contexts += 4) store<u32>(contexts, 32768);
}

// @ts-ignore: decorator
@inline
export function probabilityAt(node: usize): u32 {
  return load<u16>(node);
}

// @ts-ignore: decorator
@inline
export function learn(node: usize, bit: i32): void {
  const probability = <i32>load<u16>(node);
  const met = <i32>load<u16>(node, 2);
  const rate = <i32>load<u16>(RATES + (<usize>met << 1));
  const next = bit ? probability + <i32>((<i64>(65536 - probability) * rate) >> 16) : probability - <i32>((<i64>probability * rate) >> 16);
  store<u16>(node, <u16>min<i32>(65536 - LEAST, max<i32>(LEAST, next)));
  if (met < MOST_MET) store<u16>(node, <u16>(met + 1), 2);
}

/** Where the interval from `low` to `high` is parted. */
// @ts-ignore: decorator
@inline
export function middle(low: u32, high: u32, probability: u32): u32 {
  const range = high - low;
  return low + (range >> 16) * probability + (((range & 0xffff) * probability) >> 16);
}
