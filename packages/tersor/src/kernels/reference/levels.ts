import { levelOf, NEXT } from '../../core/trellis.ts';

/**
 * Whole numbers of a matrix, each as a few decisions: whether it is zero, its sign, how many bits it has, and these bits. Every decision is foreseen three times, in contexts of
 * what came before it on its line, on lines before it in its place, and next to it, and what each foresees is weighed by how well it did; nothing but the decisions is stored.
 * Where the quantizer was a trellis, a level is a number of a quantizer that follows from the numbers before it.
 *
 * Sources: Mahoney 2005, Adaptive weighing of context models, https://www.cs.fit.edu/~mmahoney/compression/cs200516.pdf (contexts mixed in the logistic domain); Wiedemann et
 * al. 2020, DeepCABAC, https://arxiv.org/abs/1907.11900 (decisions for weights); Haase et al. 2021, https://doi.org/10.1109/ICIP42928.2021.9506633 (trellises for weights)
 */

/** Elements of a matrix in the order in which they are coded: on lines, one after the other. */
export interface LevelLines {
  readonly lines: number;
  readonly length: number;
  /** From one line to the next, and from one element on a line to the next. */
  readonly lineStride: number;
  readonly stride: number;
  /** Each line begins in the first of the eight states of a trellis. */
  readonly isTrellis: boolean;
}

export interface Foreseen {
  /** Of a one, in 65536ths. */
  readonly probability: number;
  /** Told what came. */
  learn(bit: number): void;
}

/** Codes or reads a decision. @param bit  what it is, as far as that is known */
export type Decide = (bit: number, foreseen: Foreseen) => number;

const NODES = 64;
const SIGNS = 27;
const LEAST = 32;
const EVEN: Foreseen = { probability: 32768, learn() {} };

/** 65536 / (1 + exp(-x)) for x from -8 to 8 in halves. */
const CURVE = [
  22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565, 62428,
  63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514,
];
const SQUASHED = Uint16Array.from({ length: 4096 }, (_, at) => {
  const part = at % 128;
  return Math.floor(((CURVE[at >> 7] ?? 0) * (128 - part) + (CURVE[(at >> 7) + 1] ?? 0) * part) / 128);
});
/** Of a probability in 4096ths the least x whose curve reaches it. */
const STRETCHED = Int16Array.from({ length: 4096 }, (_, probability) => {
  let at = 1;
  while (at < 4095 && SQUASHED[at]! >> 4 < probability) at++;
  return at - 2048;
});

/** @param levels  read where they are known, and written, so that it serves both ways */
export function goThroughLevels(
  levels: Int8Array | Int16Array,
  { lines, length, lineStride, stride, isTrellis }: LevelLines,
  decide: Decide,
): void {
  const foresee = openModel();
  const places = Array.from({ length }, () => ({ mean: 0, number: 0, met: 0 }));
  let [mean, seen] = [32768, 0];
  for (let line = 0; line < lines; line++) {
    let [along, before, secondBefore, state] = [mean >> 4, 0, 0, 0];
    for (let i = 0; i < length; i++) {
      const at = line * lineStride + i * stride;
      const place = places[i]!;
      const across = place.met > 0 ? place.mean : mean >> 4;
      const scale = quarters(Math.min(0xfffffff, Math.floor((along * across) / ((mean >> 4) + 1))));
      const quantizer = isTrellis ? state % 2 : 0;
      const contexts = [
        `e ${scale} ${quantizer}`,
        `l ${quarters(along) >> 1} ${quarters(across) >> 1} ${quantizer}`,
        `n ${scale >> 2} ${Math.min(7, Math.abs(before))} ${Math.min(7, Math.abs(place.number))} ${quantizer}`,
      ];
      const modelled = (bit: number, node: number) =>
        decide(
          bit,
          foresee(
            contexts.map((context) => `${context} ${node}`),
            node,
          ),
        );
      const known = numberOf(levels[at]!, quantizer, isTrellis);
      let number = 0;
      if (modelled(known === 0 ? 0 : 1, 0) === 1) {
        const [l, s, u] = [signOf(before), signOf(secondBefore), signOf(place.number)];
        const signs = [l * 9 + s * 3 + u, SIGNS + l * 3 + u, 2 * SIGNS + l * 3 + s].map((context) => `s ${context}`);
        const isNegative = decide(known < 0 ? 1 : 0, foresee(signs, NODES));
        const exponent = 31 - Math.clz32(Math.abs(known));
        let octave = 0;
        while (octave < 15 && modelled(octave < exponent ? 1 : 0, 1 + octave) === 1) octave++;
        let value = 1;
        for (let bit = octave - 1; bit >= 0; bit--) {
          const own = (Math.abs(known) >> bit) & 1;
          const depth = octave - 1 - bit;
          value = value * 2 + (depth < 2 ? modelled(own, 13 + 3 * octave + depth * (value - 1)) : decide(own, EVEN));
        }
        number = isNegative === 1 ? -value : value;
      }
      levels[at] = isTrellis ? levelOf(number, quantizer) : number;
      const magnitude = Math.min(16384, Math.abs(number));
      along += Math.trunc((magnitude * 4096 - along) / Math.min(50, i + 3));
      place.mean =
        place.met > 0
          ? across + Math.trunc((magnitude * 4096 - across) / Math.min(50, place.met + 3))
          : Math.floor((magnitude * 4096 + 2 * across) / 3);
      place.number = Math.max(-32767, number);
      place.met = Math.min(50, place.met + 1);
      seen++;
      mean += Math.trunc((magnitude * 65536 - mean) / Math.min(1000, seen + 9));
      [secondBefore, before] = [before, number];
      if (isTrellis) state = NEXT[state]![Math.abs(number % 2)]!;
    }
  }
}

function numberOf(level: number, quantizer: number, isTrellis: boolean): number {
  return isTrellis ? Math.sign(level) * Math.floor((Math.abs(level) + quantizer) / 2) : level;
}

function signOf(value: number): number {
  return value > 0 ? 1 : value < 0 ? 2 : 0;
}

/** Quarters of an octave above 1/64, of a mean magnitude in 4096ths. */
function quarters(mean: number): number {
  const value = mean + 82;
  const octave = 31 - Math.clz32(value);
  return Math.min(63, octave * 4 + ((value >> (octave - 2)) & 3) - 24);
}

interface Node {
  probability: number;
  met: number;
}

function openModel(): (contexts: readonly string[], node: number) => Foreseen {
  const known = new Map<string, Node>();
  const weights = Array.from({ length: NODES + 1 }, () => [21845, 21845, 21845]);
  return (contexts, node) => {
    const nodes = contexts.map((context) => {
      const found = known.get(context) ?? { probability: 32768, met: 0 };
      known.set(context, found);
      return found;
    });
    const own = weights[node]!;
    const stretched = nodes.map(({ probability }) => STRETCHED[probability >> 4]!);
    const sum = Math.floor(stretched.reduce((total, value, i) => total + value * own[i]!, 0) / 65536);
    const mixed = SQUASHED[Math.max(-2047, Math.min(2047, sum)) + 2048]!;
    return {
      probability: clamped(mixed),
      learn(bit) {
        stretched.forEach((value, i) => {
          own[i]! += Math.floor(((bit * 65536 - mixed) * value + 32768) / 65536);
        });
        for (const each of nodes) learnNode(each, bit);
      },
    };
  };
}

/** The more often a node was met, the less it learns. */
function learnNode(node: Node, bit: number): void {
  const rate = Math.floor(131072 / (2 * node.met + 3));
  const step = Math.floor(((bit === 1 ? 65536 - node.probability : node.probability) * rate) / 65536);
  node.probability = clamped(bit === 1 ? node.probability + step : node.probability - step);
  node.met = Math.min(255, node.met + 1);
}

function clamped(probability: number): number {
  return Math.min(65536 - LEAST, Math.max(LEAST, probability));
}

/** The bytes of the decisions; undefined when they are more than `most`. */
export function encodeLevels(levels: Int8Array | Int16Array, lines: LevelLines, most: number): Uint8Array | undefined {
  const bytes: number[] = [];
  let [low, high] = [0, 2 ** 32 - 1];
  goThroughLevels(levels.slice(), lines, (bit, { probability, learn }) => {
    const range = high - low;
    const part = low + Math.floor(range / 65536) * probability + Math.floor(((range % 65536) * probability) / 65536);
    if (bit === 1) high = part;
    else low = part + 1;
    learn(bit);
    for (; Math.floor(low / 2 ** 24) === Math.floor(high / 2 ** 24); high = (high % 2 ** 24) * 256 + 255) {
      bytes.push(Math.floor(high / 2 ** 24));
      low = (low % 2 ** 24) * 256;
    }
    return bit;
  });
  for (let i = 3; i >= 0; i--) bytes.push(Math.floor(high / 256 ** i) % 256);
  return bytes.length > most ? undefined : Uint8Array.from(bytes);
}
