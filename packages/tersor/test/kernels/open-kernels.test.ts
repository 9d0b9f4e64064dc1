import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Kernels, QuantizeSpec } from '../../src/core/kernels.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { compileKernels, wasmLoops } from '../../src/kernels/wasm.ts';
import { sameBits } from './bits.ts';
import { gaussian } from './values.ts';

const spec: QuantizeSpec = { rows: 300, columns: 515, block: 64, bits: 4, symmetric: false, fit: 'mse', scale: 'f16' };
const values = gaussian(spec.rows * spec.columns, 1);

let none: Kernels;
let one: Kernels;
let two: Kernels;
beforeAll(async () => {
  [none, one, two] = (await Promise.all([0, 1, 2].map((threads) => openKernels({ threads })))) as [Kernels, Kernels, Kernels];
});
afterAll(() => Promise.all([none.close(), one.close(), two.close()]));

describe('openKernels', () => {
  it('gives the same bits with no, one and two workers, and leaves the input alone', async () => {
    const before = values.slice();
    const expected = await none.quantize(values, spec);
    sameBits(await one.quantize(values, spec), expected);
    sameBits(await two.quantize(values, spec), expected);
    sameBits(values, before);
  });

  it('rounds rows whose errors make up for one another on workers as it does here', async () => {
    const [rows, columns, block] = [67, 400, 48];
    const matrix = gaussian(rows * columns, 3);
    const x = gaussian(columns * columns, 4);
    const gram = new Float64Array(columns * columns);
    for (let i = 0; i < columns; i++)
      for (let j = 0; j < columns; j++) for (let k = 0; k < 40; k++) gram[i * columns + j]! += x[k * columns + i]! * x[k * columns + j]!;
    for (let i = 0; i < columns; i++) gram[i * columns + i]! += 1;
    const factor = (await none.inverseFactor(gram, columns))!;
    const order = Uint32Array.from({ length: columns }, (_, i) => columns - 1 - i);
    const { codes: _, ...blocks } = await none.quantize(matrix, { ...spec, rows, columns, block });
    const grid = { ...blocks, rows, columns, block };
    const codes = await none.compensate(matrix, grid, { order, factor });
    sameBits(await two.compensate(matrix, grid, { order, factor }), codes);
    const by = { grid, codes, gram: Float32Array.from(gram), rounds: 2, scale: 'f16' } as const;
    const [apart, here] = [await two.refine(matrix, by), await none.refine(matrix, by)];
    sameBits(apart.codes, here.codes);
    sameBits(apart.scales, here.scales);
  });

  it('factors by halves on workers as it does here, and nearly as in one piece of f64', async () => {
    const [size, positions] = [605, 900];
    const x = gaussian(size * positions, 6);
    const loops = wasmLoops(await compileKernels());
    const gram = Float64Array.from(loops.multiplyRows(x, x, positions));
    const factor = (await none.inverseFactor(gram, size))!;
    sameBits((await two.inverseFactor(gram, size))!, factor);
    const exact = loops.inverseFactor(gram, size)!;
    const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (const [at, value] of exact.entries()) if (!(Math.abs(factor[at]! - value) <= 1e-5 * largest)) expect(factor[at]).toBe(value);
    gram[300 * size + 300] = 0;
    expect(await two.inverseFactor(gram, size)).toBeUndefined();
  });

  it('cuts one long row between blocks, and not within one', async () => {
    for (const block of [96, 154_500]) {
      const row: QuantizeSpec = { ...spec, rows: 1, columns: values.length, block, fit: 'hqq', symmetric: true };
      sameBits(await two.quantize(values, row), await none.quantize(values, row));
    }
  });

  it('takes several jobs at once', async () => {
    const fits = ['mse', 'hqq', 'absmax', 'mse'] as const;
    const results = await Promise.all(fits.map((fit) => two.quantize(values, { ...spec, fit })));
    for (const [i, fit] of fits.entries()) sameBits(results[i]!, await none.quantize(values, { ...spec, fit }));
  });

  it('transposes', async () => {
    const matrix = gaussian(67 * 133, 2);
    const turned = await none.transpose(matrix, 67, 133);
    for (const [row, column] of [
      [0, 0],
      [66, 132],
      [3, 100],
      [50, 31],
    ] as const)
      expect(turned[column * 67 + row]).toBe(matrix[row * 133 + column]);
    sameBits(await none.transpose(turned, 133, 67), matrix);
    const codes = Uint8Array.from({ length: 35 }, (_, i) => i);
    expect([...(await none.transpose(codes, 5, 7))].slice(0, 6)).toEqual([0, 7, 14, 21, 28, 1]);
  });

  it('keeps halves, codes and values through there and back', async () => {
    const halves = await none.toHalf(values);
    sameBits(await none.toHalf(await none.fromHalf(halves)), halves);
    const { codes } = await none.quantize(values, spec);
    sameBits(await none.unpack(await none.pack(codes, 4), 4, codes.length), codes);
    expect(await none.summarize(values)).toStrictEqual(reference.summarize(values));
  });

  it('takes empty inputs', async () => {
    const empty = { rows: 0, columns: 8, block: 4 };
    const blocks = await two.quantize(new Float32Array(0), { ...spec, ...empty });
    expect(blocks.codes.length + blocks.scales.length).toBe(0);
    expect((await two.dequantize(blocks, empty)).length).toBe(0);
    expect((await two.summarize(new Float32Array(0))).peak).toBe(0);
  });

  it('says what does not fit', async () => {
    await expect(none.quantize(values, { ...spec, rows: 3 })).rejects.toThrow('[3, 515]: the matrix has 154500 values [SHAPE]');
    await expect(none.quantize(values, { ...spec, bits: 9 })).rejects.toThrow(
      'kernels: 9 bits\n  the grids have 2 to 8 bits [OPTION_VALUE]',
    );
    await expect(none.quantize(values, { ...spec, block: 0 })).rejects.toThrow('in blocks of 0: 0 is no block size [SHAPE]');
    await expect(none.unpack(new Uint8Array(3), 4, 7)).rejects.toThrow('7 codes of 4 bits: 3 bytes are too few [SHAPE]');
    await expect(openKernels({ threads: 1.5 })).rejects.toThrow('threads = 1.5');
  });

  it('rejects what is running when it is closed, and everything afterwards', async () => {
    const kernels = await openKernels({ threads: 1 });
    const running = kernels.quantize(values, spec);
    await Promise.all([kernels.close(), expect(running).rejects.toThrow('closed while working [INTERRUPTED]')]);
    await expect(kernels.quantize(values, spec)).rejects.toThrow('kernels: they are closed [USAGE]');
    await expect(kernels.toHalf(values)).rejects.toThrow('[USAGE]');
  });

  it('lets the process end: with idle workers unclosed, and while nothing waits for a result', async () => {
    const script = `
      const { openKernels } = await import(${JSON.stringify(new URL('../../dist/kernels/open-kernels.js', import.meta.url).href)});
      const kernels = await openKernels({ threads: 2 });
      const { codes } = await kernels.quantize(new Float32Array(200000).fill(1), ${JSON.stringify({ ...spec, rows: 200, columns: 1000 })});
      console.log(codes.length);`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
    expect({ stdout, stderr }).toEqual({ stdout: '200000\n', stderr: '' });
  });
});
