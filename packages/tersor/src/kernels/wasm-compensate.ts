import type { Compensation, Grid, Refined, Refinement } from '../core/kernels.ts';
import type { Loops } from './loops.ts';
import type { Instances } from './memory.ts';

/** Rows of a matrix that go through the memory together: with a thousand columns they stay in the second-level cache. A multiple of 8. */
const TILE_ROWS = 64;
/** Columns whose errors are gathered, as the kernel has it. */
const BATCH = 32;

/** Rows that are refined together. */
const STRIP = 8;

/** Twins of reference/inverse-factor.ts, reference/compensate.ts and reference/refine.ts. */
export function wasmCompensate(instances: Instances): Pick<Loops, 'inverseFactor' | 'compensate' | 'refine'> {
  return {
    inverseFactor: (matrix, size) => inverseFactor(instances, matrix, size),
    compensate: (values, grid, by) => compensate(instances, values, grid, by),
    refine: (values, by) => refine(instances, values, by),
  };
}

/** The kernel takes a multiple of four: ones on the diagonal make it one, and nothing else of it. */
function inverseFactor(instances: Instances, matrix: Float64Array, size: number): Float64Array | undefined {
  const padded = roundUp(size, 4);
  return instances.use([padded * padded * 8, BATCH * padded * 8], ({ call, bytes }, at, panel) => {
    const inside = new Float64Array(bytes.buffer, at, padded * padded);
    if (padded > size) inside.fill(0);
    for (let row = 0; row < size; row++) inside.set(matrix.subarray(row * size, (row + 1) * size), row * padded);
    for (let row = size; row < padded; row++) inside[row * padded + row] = 1;
    if (!call('inverseFactor', at, padded, panel)) return undefined;
    if (padded === size) return inside.slice();
    const factor = new Float64Array(size * size);
    for (let row = 0; row < size; row++) factor.set(inside.subarray(row * padded, row * padded + size), row * size);
    return factor;
  });
}

function compensate(instances: Instances, values: Float32Array, grid: Grid, { order, factor }: Compensation): Uint8Array {
  const { rows, columns, block, bits, scales, zeros } = grid;
  const blocks = Math.ceil(columns / block);
  const most = 2 ** bits - 1;
  const codes = new Uint8Array(rows * columns);
  const height = Math.min(TILE_ROWS, roundUp(rows, 8));
  const [tile, tables] = [4 * height * columns, 4 * height * blocks];
  instances.use(
    [factor.byteLength, order.byteLength, tile, tile, tables, tables, 4 * height * BATCH],
    ({ call, bytes }, toFactor, toOrder, matrix, turned, toScales, toZeros, errors) => {
      const floats = new Float32Array(bytes.buffer);
      floats.set(factor, toFactor / 4);
      new Uint32Array(bytes.buffer).set(order, toOrder / 4);
      /** Rows that are not there are zeros, and so are their scales. */
      const turnIn = (part: Float32Array | Uint8Array, wide: number, to: number) => {
        floats.set(part, matrix / 4);
        floats.fill(0, matrix / 4 + part.length, matrix / 4 + height * wide);
        call('transpose4', matrix, height, wide, to);
      };
      for (let top = 0; top < rows; top += height) {
        const bottom = Math.min(rows, top + height);
        turnIn(scales.subarray(top * blocks, bottom * blocks), blocks, toScales);
        if (zeros) turnIn(zeros.subarray(top * blocks, bottom * blocks), blocks, toZeros);
        else floats.fill(2 ** (bits - 1), toZeros / 4, toZeros / 4 + height * blocks);
        turnIn(values.subarray(top * columns, bottom * columns), columns, turned);
        call('compensate', turned, height, columns, toOrder, toFactor, toScales, toZeros, block, most, errors, matrix);
        call('transpose1', matrix, columns, height, turned);
        codes.set(bytes.subarray(turned, turned + (bottom - top) * columns), top * columns);
      }
    },
  );
  return codes;
}

/** Columns that are not there see nothing but themselves, and rows that are not there are zeros. */
function refine(instances: Instances, values: Float32Array, { grid, codes, gram, rounds, scale }: Refinement): Refined {
  const { rows, columns, block, bits, zeros } = grid;
  const blocks = Math.ceil(columns / block);
  const padded = roundUp(columns, 4);
  const middle = 2 ** (bits - 1);
  const better = { codes: new Uint8Array(codes.length), scales: grid.scales.slice() };
  const [strip, tables] = [4 * STRIP * padded, 4 * STRIP * Math.ceil(padded / block)];
  instances.use(
    [4 * padded * padded, strip, tables, tables, strip, strip, strip],
    ({ call, bytes }, matrix, toValues, toScales, toZeros, toSteps, gradient, deltas) => {
      const floats = new Float32Array(bytes.buffer);
      const inside = floats.subarray(matrix / 4, matrix / 4 + padded * padded);
      if (padded > columns) inside.fill(0);
      for (let row = 0; row < columns; row++) inside.set(gram.subarray(row * columns, (row + 1) * columns), row * padded);
      for (let row = columns; row < padded; row++) inside[row * padded + row] = 1;
      const table = (at: number, length: number) => floats.subarray(at / 4, (at + length) / 4);
      const [turned, steps] = [table(toValues, strip), table(toSteps, strip)];
      const [scalesOf, zerosOf] = [table(toScales, tables), table(toZeros, tables)];
      for (let top = 0; top < rows; top += STRIP) {
        const count = Math.min(STRIP, rows - top);
        for (const each of [turned, steps, scalesOf, zerosOf]) each.fill(0);
        for (let lane = 0; lane < count; lane++) {
          const row = top + lane;
          for (let i = 0; i < blocks; i++) {
            scalesOf[i * STRIP + lane] = better.scales[row * blocks + i]!;
            zerosOf[i * STRIP + lane] = zeros ? zeros[row * blocks + i]! : middle;
          }
          for (let i = 0; i < columns; i++) {
            turned[i * STRIP + lane] = values[row * columns + i]!;
            steps[i * STRIP + lane] = codes[row * columns + i]! - zerosOf[Math.floor(i / block) * STRIP + lane]!;
          }
        }
        call(
          'refine',
          toValues,
          padded,
          matrix,
          toScales,
          toZeros,
          block,
          2 ** bits - 1,
          toSteps,
          gradient,
          deltas,
          rounds,
          scale === 'f16' ? 1 : 0,
        );
        for (let lane = 0; lane < count; lane++) {
          const row = top + lane;
          for (let i = 0; i < blocks; i++) better.scales[row * blocks + i] = scalesOf[i * STRIP + lane]!;
          for (let i = 0; i < columns; i++)
            better.codes[row * columns + i] = steps[i * STRIP + lane]! + zerosOf[Math.floor(i / block) * STRIP + lane]!;
        }
      }
    },
  );
  return better;
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
