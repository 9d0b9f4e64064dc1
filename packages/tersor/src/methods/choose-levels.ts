import { CHUNK_BYTES } from '../core/chunk-bytes.ts';
import { decode } from '../core/decode.ts';
import { rowLength, type Shape } from '../core/dtype.ts';
import { TersorError } from '../core/error.ts';
import { fingerprint } from '../core/fingerprint.ts';
import type { Kernels, LevelChoice, LevelCompensation } from '../core/kernels.ts';
import { type LevelsLayout, matrixOf } from '../core/layout.ts';
import { isRowMajor, toMatrix } from '../core/matrix.ts';
import type { Context } from '../core/method.ts';
import type { Weight } from '../core/model.ts';
import { quartersOf, stepOf } from '../core/steps.ts';
import type { LevelsTensor } from '../core/tensor.ts';
import { NEXT } from '../core/trellis.ts';

const [CONTEXTS, MAGNITUDES] = [64, 32];
/** The context of numbers whose mean magnitude is one; each is a quarter of an octave. */
const CONTEXT_OF_ONE = 24;
/**
 * What a bit may cost in squares of steps, where steps are small beside the values: the squared error of a step falls by so much for one more bit.
 * It is ln 2 / 6 of a step; a trellis has half the step, and loses 1.1 dB less.
 */
const BIT = { plain: Math.LN2 / 6, trellis: (4 * Math.LN2) / 6 / 10 ** 0.11 };

/** Bits a weight from which on a trellis gains. Of Laplace-distributed values it loses .2 dB at half a bit, and gains .3 at 1.3 and .9 at 3. */
const LEAST_BITS_OF_TRELLIS = 0.8;
/** How often numbers are as the distribution of Laplace says, before they are counted. */
const NUMBERS_EXPECTED = 20;

export interface LevelsAsked {
  /** What a bit counts for, beside what it should where steps are small. */
  readonly rate: number;
  /** Whether there may be a trellis. It is where it gains, with levels half as far apart. */
  readonly trellis: boolean;
}

/** A weight as a matrix. */
export interface Sized {
  readonly id: string;
  readonly shape: Shape;
  readonly layout: LevelsLayout;
  /** `[rows, columns]`. */
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** The same with the steps that its levels are wanted at. */
export interface ToRound extends Sized {
  readonly outputSteps: Float32Array;
  readonly inputSteps?: Float32Array;
  /** How inputs make up for one another; lines are the inputs. */
  readonly compensation?: LevelCompensation;
}

/** What `choose` makes of a weight, or made of it when it was asked the same before. */
export async function recalledLevels(
  { recall }: Pick<Context, 'recall'>,
  { id, shape, load }: Weight,
  layout: LevelsLayout,
  asked: object,
  choose: (sized: Sized) => Promise<LevelsTensor>,
): Promise<LevelsTensor> {
  const { rows, columns } = matrixOf({ ...layout, block: 'row' }, shape);
  const matrix = toMatrix(decode(await load()), shape, layout.outputs);
  return recall(
    `levels of ${JSON.stringify([asked, layout, id, fingerprint(matrix)])}`,
    () => choose({ id, shape, layout, matrix, rows, columns }),
    ({ levels, outputSteps }) => levels.byteLength + outputSteps.byteLength,
  );
}

/**
 * Levels that lose little for the bits that an entropy coder will need.
 * @throws LAYOUT when a value is infinite or not a number
 */
export async function chooseLevels(weight: ToRound, { rate, trellis }: LevelsAsked, kernels: Kernels): Promise<LevelsTensor> {
  const { id, shape, layout, matrix, rows, columns, compensation } = weight;
  const outputQuarters = Int8Array.from(weight.outputSteps, quartersOf);
  const inputQuarters = weight.inputSteps && Int8Array.from(weight.inputSteps, quartersOf);
  const outputs = { steps: Float32Array.from(outputQuarters, stepOf), means: meansOf(matrix, rows, columns, 'rows') };
  const inputs = {
    steps: inputQuarters ? Float32Array.from(inputQuarters, stepOf) : new Float32Array(columns).fill(1),
    means: meansOf(matrix, rows, columns, 'columns'),
  };
  const mean = outputs.means.reduce((sum, each) => sum + each, 0) / Math.max(1, rows);
  if (!Number.isFinite(mean))
    throw new TersorError('LAYOUT', id, 'holds values that are infinite or not numbers', 'leave it out with a rule');
  const scan = scanOf(weight);
  const logs = ({ steps, means }: typeof outputs, divisor: number) =>
    Int32Array.from(means, (each, i) => Math.round(4 * Math.log2(Math.max(1e-30, each) / (steps[i]! * divisor))));
  const ofOutputs = { steps: outputs.steps, contexts: logs(outputs, 1).map((each) => each + CONTEXT_OF_ONE) };
  const ofInputs = { steps: inputs.steps, contexts: logs(inputs, Math.max(1e-30, mean)) };
  const [ofLines, ofPlaces] = scan.byInputs ? [ofInputs, ofOutputs] : [ofOutputs, ofInputs];
  const plain: Unpriced = {
    lines: scan.byInputs ? columns : rows,
    length: scan.byInputs ? rows : columns,
    lineSteps: ofLines.steps,
    placeSteps: ofPlaces.steps,
    lineContexts: ofLines.contexts,
    placeContexts: ofPlaces.contexts,
    isTrellis: false,
    run: scan.run,
    ...(compensation && { compensation }),
  };
  const values = scan.byInputs ? await kernels.transpose(matrix, rows, columns) : matrix;
  const isTrellis = trellis && scan.isMatrix && (await bitsOf(values, plain, rate, kernels)) >= LEAST_BITS_OF_TRELLIS;
  const chosen = await chooseTwice(
    values,
    isTrellis ? { ...plain, lineSteps: plain.lineSteps.map(half), isTrellis } : plain,
    rate,
    kernels,
  );
  return {
    kind: 'levels',
    shape,
    layout,
    levels: scan.byInputs ? turned(chosen, columns, rows) : chosen,
    outputSteps: isTrellis ? Int8Array.from(outputs.steps, (step) => quartersOf(half(step))) : outputQuarters,
    ...(inputQuarters && { inputSteps: inputQuarters }),
  };
}

type Unpriced = Omit<LevelChoice, 'rates'>;

function half(step: number): number {
  return step / 2;
}

/** First by what values of such sizes cost, then by what came of that. */
async function chooseTwice(values: Float32Array, choice: Unpriced, rate: number, kernels: Kernels): Promise<Int16Array> {
  const first = await kernels.chooseLevels(values, { ...choice, rates: ratesOf(choice, rate) });
  if (rate === 0) return first;
  return kernels.chooseLevels(values, { ...choice, rates: ratesOf(choice, rate, countNumbers(first, choice)) });
}

/** Of a weight, about. */
async function bitsOf(values: Float32Array, choice: Unpriced, rate: number, kernels: Kernels): Promise<number> {
  const counts = countNumbers(await kernels.chooseLevels(values, { ...choice, rates: ratesOf(choice, rate) }), choice);
  let bits = 0;
  for (let from = 0; from < counts.length; from += MAGNITUDES) {
    const own = counts.subarray(from, from + MAGNITUDES);
    const all = own.reduce((sum, count) => sum + count, 0);
    own.forEach((count, number) => {
      if (count > 0) bits += count * ((number > 0 ? 1 : 0) - Math.log2(count / all));
    });
  }
  return bits / Math.max(1, values.length);
}

/** In which order levels are coded: a trellis goes the way of the coder. Inputs that make up for one another are lines; otherwise lines are long. */
function scanOf({ shape, layout: { outputs }, rows, columns, compensation }: ToRound): {
  byInputs: boolean;
  run: number;
  isMatrix: boolean;
} {
  const stored = rowLength(shape);
  const rowMajor = isRowMajor(outputs);
  const isMatrix = stored === (rowMajor ? columns : rows);
  const inChunk = Math.max(1, Math.floor(CHUNK_BYTES / 2 / Math.max(1, stored)));
  const [alongInputs, alongOutputs] = rowMajor ? [columns, Math.min(inChunk, rows)] : [Math.min(inChunk, columns), rows];
  const byInputs = compensation !== undefined || alongOutputs > alongInputs;
  return { byInputs, run: Math.max(1, byInputs ? alongOutputs : alongInputs), isMatrix };
}

/** Mean magnitudes. */
function meansOf(matrix: Float32Array, rows: number, columns: number, of: 'rows' | 'columns'): Float64Array {
  const sums = new Float64Array(of === 'rows' ? rows : columns);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) sums[of === 'rows' ? row : column]! += Math.abs(matrix[i]!);
  }
  return sums.map((sum) => sum / Math.max(1, of === 'rows' ? columns : rows));
}

/** What the bits of numbers cost, by their mean magnitude: as they were counted, and as far as they were not, as values with the distribution of Laplace. */
function ratesOf({ isTrellis }: Unpriced, rate: number, counts?: Float64Array): Float32Array {
  const rates = new Float32Array(CONTEXTS * 2 * MAGNITUDES);
  const bit = rate * (isTrellis ? BIT.trellis : BIT.plain);
  for (let context = 0; context < CONTEXTS; context++) {
    const scale = (isTrellis ? 2 : 1) * 2 ** ((context - CONTEXT_OF_ONE) / 4);
    for (let quantizer = 0; quantizer < 2; quantizer++) {
      const from = (context * 2 + quantizer) * MAGNITUDES;
      const own = counts?.subarray(from, from + MAGNITUDES);
      const all = (own?.reduce((sum, count) => sum + count, 0) ?? 0) + NUMBERS_EXPECTED;
      for (let number = 0; number < MAGNITUDES; number++) {
        const often = (own?.[number] ?? 0) + NUMBERS_EXPECTED * shareOf(number, quantizer, isTrellis, scale);
        rates[from + number] = bit * Math.min(40, (number > 0 ? 1 : 0) - Math.log2(often / all));
      }
    }
  }
  return rates;
}

/** How often each number was taken, `[contexts, quantizers, magnitudes]`. */
function countNumbers(levels: Int16Array, { lines, length, lineContexts, placeContexts, isTrellis, run }: Unpriced): Float64Array {
  const counts = new Float64Array(CONTEXTS * 2 * MAGNITUDES);
  for (let line = 0, at = 0; line < lines; line++) {
    let state = 0;
    for (let place = 0; place < length; place++, at++) {
      if (place % run === 0) state = 0;
      const quantizer = isTrellis ? state % 2 : 0;
      const level = Math.abs(levels[at]!);
      const number = isTrellis ? (level + quantizer) >> 1 : level;
      const context = Math.max(0, Math.min(CONTEXTS - 1, lineContexts[line]! + placeContexts[place]!));
      counts[(context * 2 + quantizer) * MAGNITUDES + Math.min(MAGNITUDES - 1, number)]!++;
      if (isTrellis) state = NEXT[state]![number & 1]!;
    }
  }
  return counts;
}

/** Of the magnitudes that are nearest to a number's level. */
function shareOf(number: number, quantizer: number, isTrellis: boolean, scale: number): number {
  const end = isTrellis ? (quantizer === 0 ? 2 * number + 1 : Math.max(0.5, 2 * number)) : number + 0.5;
  const start = number === 0 ? 0 : isTrellis ? (quantizer === 0 ? 2 * number - 1 : Math.max(0.5, 2 * number - 2)) : number - 0.5;
  return Math.exp(-start / scale) - Math.exp(-end / scale);
}

/** `[rows, columns]` to `[columns, rows]`. */
function turned(values: Int16Array, rows: number, columns: number): Int16Array {
  const result = new Int16Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column]!;
  return result;
}
