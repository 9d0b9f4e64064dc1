import { beforeAll, describe, expect, it } from 'vitest';
import { decode } from '../../src/core/decode.ts';
import type { Kernels } from '../../src/core/kernels.ts';
import { randomFor } from '../../src/core/random.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { chooseLevels } from '../../src/methods/choose-levels.ts';

const [ROWS, COLUMNS] = [96, 128];

/** With the distribution of Laplace and a variance of 1. */
const matrix = (() => {
  const random = randomFor(0, 'levels');
  return Float32Array.from({ length: ROWS * COLUMNS }, () => {
    const at = random() - 0.5;
    return (-Math.sign(at) * Math.log(1 - 2 * Math.abs(at))) / Math.SQRT2;
  });
})();

let kernels: Kernels;
beforeAll(async () => {
  kernels = await openKernels({ threads: 0 });
});

describe('levels', () => {
  const choose = async (step: number, asked: { rate?: number; trellis?: boolean } = {}) => {
    const layout = { kind: 'levels', outputs: [0], inputSteps: false } as const;
    const outputSteps = new Float32Array(ROWS).fill(step);
    const weight = { id: 'w', shape: [ROWS, COLUMNS], layout, matrix, rows: ROWS, columns: COLUMNS, outputSteps };
    const tensor = await chooseLevels(weight, { rate: 1, trellis: true, ...asked }, kernels);
    const values = decode(tensor);
    const error = matrix.reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0) / matrix.length;
    const bytes = new Uint8Array(tensor.levels.buffer);
    const coded = await kernels.encodeChunk(bytes, { count: matrix.length, width: 2, turned: false, columns: COLUMNS }, 'max');
    return { tensor, decibels: -10 * Math.log10(error), bits: (8 * coded.length) / matrix.length };
  };

  it('are of a trellis where that gains, and of none where bits are few', async () => {
    const [many, plain] = [await choose(0.5), await choose(0.5, { trellis: false })];
    expect(many.tensor.outputSteps[0]).toBe(plain.tensor.outputSteps[0]! - 4);
    // 6.02 dB a bit is what a bit is worth where there are many
    expect(many.decibels - 6.02 * many.bits).toBeGreaterThan(plain.decibels - 6.02 * plain.bits + 0.3);
    const few = await choose(2.5);
    expect(few.tensor).toEqual((await choose(2.5, { trellis: false })).tensor);
    expect(few.bits).toBeLessThan(0.8);
  });

  it('go to the nearest where bits count for nothing', async () => {
    const { tensor } = await choose(1, { rate: 0, trellis: false });
    expect(tensor.levels).toEqual(Int16Array.from(matrix, (value) => Math.sign(value) * Math.round(Math.abs(value))));
  });

  it('are priced by how often they were taken', async () => {
    // of what half a bit leaves, zeros cost less than the values' distribution says, so that more become zeros
    const [priced, nearest] = [await choose(2.5), await choose(2.5, { rate: 0, trellis: false })];
    expect(priced.bits).toBeLessThan(0.75 * nearest.bits);
    expect(priced.decibels).toBeGreaterThan(2.8);
  });
});
