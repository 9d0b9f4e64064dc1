import type { LevelChoice } from '../../core/kernels.ts';
import { levelOf, NEXT } from '../../core/trellis.ts';

const { fround } = Math;

/** Magnitudes that rates are told apart for. */
const MAGNITUDES = 32;
const CONTEXTS = 64;
/** Of each state the two before it, each with whether the number between is odd. */
const BEFORE = NEXT.map((_, state) =>
  NEXT.flatMap((behind, before) => behind.flatMap((next, odd) => (next === state ? [{ before, odd }] : []))),
);

/**
 * Levels line by line, so that squared errors, in steps, and the bits of all numbers together come out least: of those of a trellis, or of each number by itself.
 * Where columns make up for one another, what a line loses is passed on to the lines behind it, as in GPTQ.
 * Sources: Marcellin and Fischer 1990, https://doi.org/10.1109/26.46532 (trellis-coded quantization); Viterbi 1967, https://doi.org/10.1109/TIT.1967.1054010;
 * Frantar et al. 2022, https://arxiv.org/abs/2210.17323
 */
export function chooseLevels(given: Float32Array, choice: LevelChoice): Int16Array {
  const { lines, length, lineSteps, placeSteps, lineContexts, placeContexts, run, compensation } = choice;
  const values = given.slice();
  const levels = new Int16Array(lines * length);
  for (let i = 0; i < lines; i++) {
    const line = compensation ? compensation.order[i]! : i;
    const own = { steps: new Float32Array(length), contexts: new Int32Array(length), values: values.subarray(line * length) };
    for (let place = 0; place < length; place++) {
      own.steps[place] = lineSteps[line]! * placeSteps[place]!;
      own.contexts[place] = Math.max(0, Math.min(CONTEXTS - 1, lineContexts[line]! + placeContexts[place]!));
    }
    for (let start = 0; start < length; start += run) {
      chooseRun(own, start, Math.min(length, start + run), choice, levels.subarray(line * length));
    }
    if (!compensation) continue;
    const { order, factors } = compensation;
    const groups = factors.length / (lines * lines);
    for (let place = 0; place < length; place++) {
      const factor = factors.subarray(Math.floor((place * groups) / length) * lines * lines);
      const at = line * length + place;
      const error = fround(fround(values[at]! - fround(levels[at]! * own.steps[place]!)) * fround(1 / factor[i * lines + i]!));
      for (let j = i + 1; j < lines; j++) {
        const other = order[j]! * length + place;
        values[other] = fround(values[other]! - fround(error * factor[i * lines + j]!));
      }
    }
  }
  return levels;
}

interface Line {
  readonly steps: Float32Array;
  readonly contexts: Int32Array;
  readonly values: Float32Array;
}

function chooseRun(
  { steps, contexts, values }: Line,
  start: number,
  end: number,
  { rates, isTrellis }: LevelChoice,
  levels: Int16Array,
): void {
  let costs = [0, ...new Array<number>(7).fill(1e300)];
  const ways: { readonly before: number; readonly number: number }[][] = [];
  for (let place = start; place < end; place++) {
    const value = Math.abs(fround(values[place]! / steps[place]!));
    const table = rates.subarray(contexts[place]! * 2 * MAGNITUDES);
    if (!isTrellis) {
      const [even, odd] = weigh(value, 0, 1, table);
      levels[place] = Math.sign(values[place]!) * (odd.cost < even.cost ? odd : even).number;
      continue;
    }
    const branches = [weigh(value, 0, 2, table), weigh(value, 1, 2, table.subarray(MAGNITUDES))];
    const next: number[] = [];
    ways.push(
      BEFORE.map(([first, second], state) => {
        const branch = ({ before, odd }: { before: number; odd: number }) => branches[before % 2]![odd]!;
        const [one, other] = [costs[first!.before]! + branch(first!).cost, costs[second!.before]! + branch(second!).cost];
        const way = other < one ? second! : first!;
        next[state] = Math.min(one, other);
        return { before: way.before, number: branch(way).number };
      }),
    );
    costs = next;
  }
  if (!isTrellis) return;
  let state = costs.indexOf(Math.min(...costs));
  for (let place = end - 1; place >= start; place--) {
    const { before, number } = ways[place - start]![state]!;
    state = before;
    levels[place] = (values[place]! < 0 ? -1 : 1) * levelOf(number, state % 2);
  }
}

interface Weighed {
  readonly number: number;
  readonly cost: number;
}

/** The best number that is even, and the best that is odd. */
function weigh(value: number, quantizer: number, spread: number, table: Float32Array): readonly [even: Weighed, odd: Weighed] {
  const most = Math.floor(32767 / spread) - 1;
  const below = Math.floor(Math.min(most, fround(fround(value + quantizer) / spread)));
  const [lower, upper, nothing] = [below, below + 1, 0].map((number) => ({
    number,
    cost: costOf(value, number, quantizer, spread, table),
  }));
  const [even, odd] = below % 2 === 0 ? [lower!, upper!] : [upper!, lower!];
  return [nothing!.cost < even.cost ? nothing! : even, odd];
}

function costOf(value: number, number: number, quantizer: number, spread: number, table: Float32Array): number {
  const missed = fround(value - (number === 0 ? 0 : spread * number - quantizer));
  return missed * missed + table[Math.min(MAGNITUDES - 1, number)]!;
}
