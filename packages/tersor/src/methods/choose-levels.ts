import { CHUNK_BYTES } from '../core/chunk-bytes.ts';
import { rowLength, type Shape } from '../core/dtype.ts';
import { TersorError } from '../core/error.ts';
import type { Kernels, LevelChoice, LevelCompensation } from '../core/kernels.ts';
import type { LevelsLayout } from '../core/layout.ts';
import { isRowMajor } from '../core/matrix.ts';
import { quartersOf, stepOf } from '../core/steps.ts';
import type { LevelsTensor } from '../core/tensor.ts';

const [CONTEXTS, MAGNITUDES] = [64, 32];
/** The context of numbers whose mean magnitude is one; each is a quarter of an octave. */
const CONTEXT_OF_ONE = 24;
/**
 * What a bit may cost in squares of steps, where steps are small beside the values: the squared error of a step falls by so much for one more bit.
 * It is ln 2 / 6 of a step; a trellis has half the step, and loses 1.1 dB less.
 */
const BIT = { plain: Math.LN2 / 6, trellis: (4 * Math.LN2) / 6 / 10 ** 0.11 };

export interface LevelsAsked {
  /** What a bit counts for, beside what it should where steps are small. */
  readonly rate: number;
  readonly trellis: boolean;
}

/** A weight as a matrix, and the steps that its levels are wanted at. */
export interface ToRound {
  readonly id: string;
  readonly shape: Shape;
  readonly layout: LevelsLayout;
  /** `[rows, columns]`. */
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly outputSteps: Float32Array;
  readonly inputSteps?: Float32Array;
  /** How inputs make up for one another; lines are the inputs. */
  readonly compensation?: LevelCompensation;
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
  const isTrellis = trellis && scan.isMatrix;
  const spacing = isTrellis ? 2 : 1;
  const logs = ({ steps, means }: typeof outputs, divisor: number) =>
    Int32Array.from(means, (each, i) => Math.round(4 * Math.log2(Math.max(1e-30, each) / (steps[i]! * divisor))));
  const ofOutputs = { steps: outputs.steps, contexts: logs(outputs, spacing).map((each) => each + CONTEXT_OF_ONE) };
  const ofInputs = { steps: inputs.steps, contexts: logs(inputs, Math.max(1e-30, mean)) };
  const [ofLines, ofPlaces] = scan.byInputs ? [ofInputs, ofOutputs] : [ofOutputs, ofInputs];
  const choice: LevelChoice = {
    lines: scan.byInputs ? columns : rows,
    length: scan.byInputs ? rows : columns,
    lineSteps: ofLines.steps,
    placeSteps: ofPlaces.steps,
    lineContexts: ofLines.contexts,
    placeContexts: ofPlaces.contexts,
    rates: ratesOf(isTrellis, rate * (isTrellis ? BIT.trellis : BIT.plain)),
    isTrellis,
    run: scan.run,
    ...(compensation && { compensation }),
  };
  const chosen = await kernels.chooseLevels(scan.byInputs ? await kernels.transpose(matrix, rows, columns) : matrix, choice);
  return {
    kind: 'levels',
    shape,
    layout,
    levels: scan.byInputs ? turned(chosen, columns, rows) : chosen,
    outputSteps: outputQuarters,
    ...(inputQuarters && { inputSteps: inputQuarters }),
  };
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

/** What the bits of numbers cost, by their mean magnitude, as far as values have the distribution of Laplace. */
function ratesOf(isTrellis: boolean, bit: number): Float32Array {
  const rates = new Float32Array(CONTEXTS * 2 * MAGNITUDES);
  for (let context = 0; context < CONTEXTS; context++) {
    const scale = (isTrellis ? 2 : 1) * 2 ** ((context - CONTEXT_OF_ONE) / 4);
    for (let quantizer = 0; quantizer < 2; quantizer++) {
      for (let number = 0; number < MAGNITUDES; number++) {
        const bits = -Math.log2(shareOf(number, quantizer, isTrellis, scale)) + (number > 0 ? 1 : 0);
        rates[(context * 2 + quantizer) * MAGNITUDES + number] = bit * Math.min(40, bits);
      }
    }
  }
  return rates;
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
