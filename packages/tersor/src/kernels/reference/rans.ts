import { type Coding, LANES, TOTAL_BITS } from '../coder/coding.ts';

/** States keep between 2^16 and 2^32, so that one word of 16 bits at most leaves or enters per symbol. */
const LEAST = 2 ** 16;

/**
 * Symbols as words of 16 bits behind the states of 16 lanes: symbol i belongs to lane i mod 16. Encoding runs from the last symbol to the first, so that decoding
 * runs forward; the words of all lanes lie in the order in which decoding wants them.
 * Source: Duda 2013, https://arxiv.org/abs/1311.2540; interleaved as in Giesen 2014, https://arxiv.org/abs/1402.3392
 */
export function encodeRans(symbols: Uint8Array, { frequencies, classes }: Coding): Uint8Array {
  const starts = frequencies.map(startsOf);
  const states = new Float64Array(LANES).fill(LEAST);
  const words: number[] = [];
  for (let i = symbols.length - 1; i >= 0; i--) {
    const table = classes?.[i] ?? 0;
    const frequency = frequencies[table]![symbols[i]!]!;
    let state = states[i % LANES]!;
    if (state >= frequency * 2 ** (32 - TOTAL_BITS)) {
      words.push(state % 2 ** 16);
      state = Math.floor(state / 2 ** 16);
    }
    states[i % LANES] = Math.floor(state / frequency) * 2 ** TOTAL_BITS + (state % frequency) + starts[table]![symbols[i]!]!;
  }
  const bytes = new Uint8Array(LANES * 4 + words.length * 2);
  const view = new DataView(bytes.buffer);
  states.forEach((state, lane) => {
    view.setUint32(lane * 4, state, true);
  });
  words.reverse().forEach((word, i) => {
    view.setUint16(LANES * 4 + i * 2, word, true);
  });
  return bytes;
}

/** Where each symbol's slots begin. */
export function startsOf(frequencies: Uint16Array): Uint16Array {
  let sum = 0;
  return frequencies.map((frequency) => {
    sum += frequency;
    return sum - frequency;
  });
}
