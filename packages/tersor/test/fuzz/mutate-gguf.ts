import type { Random } from '../../src/core/random.ts';

const below = (random: Random, end: number) => Math.floor(random() * end);

/** What breaks arithmetic: signs, powers, what wraps when it is multiplied or aligned. */
const NUMBERS = [
  0n,
  1n,
  31n,
  32n,
  255n,
  2n ** 16n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 61n,
  2n ** 63n,
  2n ** 64n - 32n,
  2n ** 64n - 1n,
];

/** Where the headers of the seeds end, about. */
const HEADER = 3000;

/** Files begin with their numbers: damage falls on the header, whose fields lie at any place. */
export function ggufDamages(file: Uint8Array): Readonly<Record<string, (random: Random) => Uint8Array>> {
  const header = Math.min(file.length, HEADER);
  const place = (random: Random) => below(random, header);
  const changed = (change: (copy: Uint8Array) => void) => {
    const copy = file.slice();
    change(copy);
    return copy;
  };
  const fields = fieldsOf(file, header);
  const fieldAt = (random: Random) => fields[below(random, fields.length)] ?? 0;
  return {
    'flipped bits': (random) =>
      changed((copy) => {
        for (let i = below(random, 4); i >= 0; i--) copy[place(random)]! ^= 1 << below(random, 8);
      }),
    'other bytes': (random) =>
      changed((copy) => {
        for (let i = below(random, 8); i >= 0; i--) copy[place(random)] = below(random, 256);
      }),
    'another number': (random) =>
      changed((copy) => {
        new DataView(copy.buffer).setBigUint64(fieldAt(random), NUMBERS[below(random, NUMBERS.length)] ?? 0n, true);
      }),
    'a slightly different number': (random) =>
      changed((copy) => {
        copy[fieldAt(random)]! += below(random, 3) - 1;
      }),
    truncation: (random) => file.slice(0, below(random, random() < 0.8 ? header : file.length)),
    'bytes more or less': (random) => {
      const [at, length] = [place(random), below(random, 40)];
      const middle = random() < 0.5 ? [] : file.subarray(at, at + length);
      return new Uint8Array([...file.subarray(0, at), ...middle, ...file.subarray(random() < 0.5 ? at : at + length)]);
    },
    'a piece elsewhere': (random) =>
      changed((copy) => {
        copy.copyWithin(place(random), place(random), place(random));
      }),
  };
}

/** Places where eight bytes look like a small number: lengths, counts, dimensions, offsets. */
function fieldsOf(file: Uint8Array, end: number): number[] {
  const view = new DataView(file.buffer);
  return Array.from({ length: Math.max(0, end - 8) }, (_, at) => at).filter((at) => {
    const value = view.getBigUint64(at, true);
    return value > 0n && value < 65_536n;
  });
}
