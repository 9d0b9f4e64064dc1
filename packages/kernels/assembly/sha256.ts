// SHA-256 of whole blocks, after FIPS 180-4, section 6.2.

const WORDS = memory.data(64 * 4);

/** Adds `count` blocks of 64 bytes at `from` to the eight words at `state`. @param rounds  64 words, a constant of each round */
export function sha256(state: usize, rounds: usize, from: usize, count: u32): void {
  for (let block: u32 = 0; block < count; block++, from += 64) {
    for (let i: usize = 0; i < 64; i += 4) store<u32>(WORDS + i, bswap(load<u32>(from + i)));
    for (let i: usize = WORDS + 64; i < WORDS + 256; i += 4) {
      const x = load<u32>(i - 60), y = load<u32>(i - 8);
      const s0 = rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3);
      const s1 = rotr(y, 17) ^ rotr(y, 19) ^ (y >> 10);
      store<u32>(i, load<u32>(i - 64) + s0 + load<u32>(i - 28) + s1);
    }
    let a = load<u32>(state), b = load<u32>(state, 4), c = load<u32>(state, 8), d = load<u32>(state, 12);
    let e = load<u32>(state, 16), f = load<u32>(state, 20), g = load<u32>(state, 24), h = load<u32>(state, 28);
    for (let i: usize = 0; i < 256; i += 4) {
      const one = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + (g ^ (e & (f ^ g))) + load<u32>(rounds + i) + load<u32>(WORDS + i);
      const two = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) | (c & (a | b)));
      h = g; g = f; f = e; e = d + one;
      d = c; c = b; b = a; a = one + two;
    }
    store<u32>(state, load<u32>(state) + a);
    store<u32>(state, load<u32>(state, 4) + b, 4);
    store<u32>(state, load<u32>(state, 8) + c, 8);
    store<u32>(state, load<u32>(state, 12) + d, 12);
    store<u32>(state, load<u32>(state, 16) + e, 16);
    store<u32>(state, load<u32>(state, 20) + f, 20);
    store<u32>(state, load<u32>(state, 24) + g, 24);
    store<u32>(state, load<u32>(state, 28) + h, 28);
  }
}
