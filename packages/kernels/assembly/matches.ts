// Finds what an array repeats of itself. Twin of kernels/reference/matches.ts, which says how.

const HASH_BITS: i32 = 16;
const LONG: i32 = 256;
/** In sixteenths of a bit. */
const MATCH_COST: i32 = 80;
const OTHER_DISTANCE: i32 = 32;

let bytes: usize = 0;
let size: i32 = 0;
let elements: i32 = 0;
let width: i32 = 1;
let hashed: i32 = 1;
let depthLimit: i32 = 0;
let heads: usize = 0;
let links: usize = 0;
let inserted: i32 = 0;
let literalCost: i32 = 0;
let first: i32 = 1;
let second: i32 = 2;
let third: i32 = 3;
let bestLength: i32 = 0;
let bestDistance: i32 = 0;
let bestGain: i32 = 0;

/** log2 in sixteenths, straight between powers of two. */
// @ts-ignore: decorator
@inline
function cost(value: u32): i32 {
  const zeros = clz<u32>(value);
  return <i32>(((31 - zeros) << 4) + ((value << zeros >> 27) & 15));
}

// @ts-ignore: decorator
@inline
function slotOf(at: i32): usize {
  return heads + (<usize>((load<u32>(bytes + at * width) * 0x9e3779b1) >> (32 - HASH_BITS)) << 2);
}

function insertUpTo(end: i32): void {
  const last = min<i32>(end, elements - hashed + 1);
  for (; inserted < last; inserted++) {
    const slot = slotOf(inserted);
    store<i32>(links + (inserted << 2), load<i32>(slot));
    store<i32>(slot, inserted);
  }
}

// @ts-ignore: decorator
@inline
function consider(at: i32, from: i32, distanceCost: i32): void {
  let a = bytes + from * width, b = bytes + at * width;
  const start = b;
  const end = bytes + size;
  while (b + 8 <= end) {
    const difference = load<u64>(a) ^ load<u64>(b);
    if (difference != 0) {
      b += <usize>(ctz<u64>(difference) >> 3);
      break;
    }
    a += 8;
    b += 8;
  }
  if (b + 8 > end) {
    a = bytes + from * width + (b - start);
    while (b < end && load<u8>(a) == load<u8>(b)) {
      a++;
      b++;
    }
  }
  const length = <i32>(b - start) / width;
  if (length == 0) return;
  const gain = min<i32>(length, 65536) * literalCost - MATCH_COST - distanceCost;
  if (gain > bestGain) {
    bestLength = length;
    bestDistance = at - from;
    bestGain = gain;
  }
}

function search(at: i32): void {
  bestLength = 0;
  bestGain = 0;
  if (first <= at) consider(at, at - first, 16);
  if (second <= at) consider(at, at - second, 16);
  if (third <= at) consider(at, at - third, 16);
  if (at + hashed > elements) return;
  insertUpTo(at);
  let from = load<i32>(slotOf(at));
  for (let depth: i32 = 0; from >= 0 && depth < depthLimit && bestLength < LONG; depth++) {
    // What is farther away must be longer: a look at the byte that would make it so.
    const beyond = bestLength * width;
    if (at * width + beyond < size && load<u8>(bytes + from * width + beyond) == load<u8>(bytes + at * width + beyond)) {
      consider(at, from, cost(at - from + 1) + OTHER_DISTANCE);
    }
    from = load<i32>(links + (from << 2));
  }
}

/** `places`: 2^16 words set to -1; `before`: a word for each element. Writes run, length and distance of each match. @returns how many there are */
export function findMatches(input: usize, count: i32, elementBytes: i32, depth: i32, places: usize, before: usize, output: usize): i32 {
  bytes = input;
  elements = count;
  width = elementBytes;
  size = count * elementBytes;
  hashed = max<i32>(1, 4 / elementBytes);
  depthLimit = depth;
  heads = places;
  links = before;
  inserted = 0;
  literalCost = elementBytes == 1 ? 88 : elementBytes * 109;
  first = 1;
  second = 2;
  third = 3;
  const begin = output;
  let run: i32 = 0;
  for (let at: i32 = 0; at < count; ) {
    search(at);
    if (bestGain <= 0) {
      at++;
      continue;
    }
    while (bestLength > 1 && bestLength < LONG && at + 1 < count) {
      const length = bestLength, distance = bestDistance, gain = bestGain;
      search(at + 1);
      if (bestGain <= gain + (literalCost >> 2)) {
        bestLength = length;
        bestDistance = distance;
        break;
      }
      at++;
    }
    store<u32>(output, at - run);
    store<u32>(output, bestLength, 4);
    store<u32>(output, bestDistance, 8);
    output += 12;
    if (bestDistance != first) {
      if (bestDistance != second) third = second;
      second = first;
      first = bestDistance;
    }
    at += bestLength;
    run = at;
    insertUpTo(at);
  }
  return <i32>(output - begin) / 12;
}
