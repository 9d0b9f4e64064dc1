// Interleaved range coding, the way in. Twin of kernels/reference/rans.ts; rans-decode.ts is the way out.

const LANES: i32 = 16;

/**
 * Encodes `count` symbols, from the last to the first. `distributions` holds, for each class and symbol, 16 bytes: frequency and start as halfwords, four bytes
 * unused, 1 / frequency. Writes words and, before them, the 16 states down from `end`.
 * @returns where the states begin
 */
export function encodeRans(symbols: usize, count: i32, distributions: usize, classes: usize, states: usize, end: usize): usize {
  for (let lane: i32 = 0; lane < LANES; lane++) store<u32>(states + (<usize>lane << 2), 65536);
  for (let i = count - 1; i >= 0; i--) {
    const place = states + (<usize>(i & (LANES - 1)) << 2);
    const distribution = classes == 0 ? distributions : distributions + (<usize>load<u8>(classes + i) << 12);
    const entry = distribution + (<usize>load<u8>(symbols + i) << 4);
    const frequency: u32 = load<u16>(entry);
    let state = load<u32>(place);
    // Written in any case, counted when it is due: no branch to guess.
    store<u16>(end - 2, <u16>state);
    const isFull = u32(state >= frequency << 20);
    end -= <usize>(isFull << 1);
    state >>= isFull << 4;
    // Half a unit keeps the product off whole numbers, so its whole part is the quotient.
    const quotient = <u32>((<f64>state + 0.5) * load<f64>(entry, 8));
    store<u32>(place, (quotient << 12) + (state - quotient * frequency) + load<u16>(entry, 2));
  }
  end -= 64;
  memory.copy(end, states, 64);
  return end;
}
