import { describe, expect, it } from 'vitest';
import type { LevelChoice } from '../../src/core/kernels.ts';
import { randomFor } from '../../src/core/random.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { compileKernels, wasmLoops } from '../../src/kernels/wasm.ts';

const wasm = wasmLoops(await compileKernels());

const [lines, length] = [37, 43];

function given(deviation: number): Float32Array {
  const random = randomFor(5, 'levels');
  return Float32Array.from({ length: lines * length }, () => (random() + random() + random() - 1.5) * deviation);
}

/** @param bit  what one counts for, in squares of steps */
function choice(bit: number, more: Partial<LevelChoice> = {}): LevelChoice {
  const random = randomFor(6, 'steps');
  return {
    lines,
    length,
    lineSteps: Float32Array.from({ length: lines }, () => 0.5 + random()),
    placeSteps: Float32Array.from({ length }, () => 0.5 + random()),
    lineContexts: Int32Array.from({ length: lines }, (_, line) => line),
    placeContexts: Int32Array.from({ length }, (_, place) => place - 9),
    rates: Float32Array.from({ length: 64 * 64 }, (_, i) => bit * Math.log2(2 + (i % 32))),
    isTrellis: true,
    run: length,
    ...more,
  };
}

/** Upper triangles, one a group. */
function factors(groups: number): Float32Array {
  const random = randomFor(7, 'factors');
  return Float32Array.from({ length: groups * lines * lines }, (_, i) => {
    const [row, column] = [Math.floor(i / lines) % lines, i % lines];
    return column < row ? 0 : row === column ? 1 + random() : 0.2 * (random() - 0.5);
  });
}

const order = Uint32Array.from({ length: lines }, (_, i) => (i * 5) % lines);

describe('levels', () => {
  it.each<[string, Partial<LevelChoice>]>([
    ['of a trellis', {}],
    ['of a trellis in runs', { run: 10 }],
    ['of numbers by themselves', { isTrellis: false }],
    ['that make up for one another', { compensation: { order, factors: factors(1) } }],
    ['that make up for one another in groups', { compensation: { order, factors: factors(43) } }],
  ])('%s are those of the readable twin', (_, more) => {
    for (const bit of [0, 0.4]) {
      for (const deviation of [1, 20, 90000]) {
        const [values, how] = [given(deviation), choice(bit, more)];
        expect(wasm.chooseLevels(values, how)).toEqual(reference.chooseLevels(values, how));
      }
    }
  });

  it('of a trellis lose a decibel less than numbers of two steps by themselves', () => {
    const values = given(100);
    const around = {
      lines: 1,
      length: values.length,
      placeSteps: new Float32Array(values.length).fill(1),
      lineContexts: new Int32Array(1),
      placeContexts: new Int32Array(values.length),
      run: values.length,
    };
    const loss = (step: number, isTrellis: boolean) => {
      const levels = wasm.chooseLevels(values, choice(0, { ...around, lineSteps: Float32Array.of(step), isTrellis }));
      return values.reduce((sum, value, i) => sum + (value - levels[i]! * step) ** 2, 0);
    };
    expect(10 * Math.log10(loss(2, false) / loss(1, true))).toBeGreaterThan(0.95);
  });

  it('are fewer bits where bits count', () => {
    const magnitudes = (bit: number) => wasm.chooseLevels(given(3), choice(bit)).reduce((sum, level) => sum + Math.abs(level), 0);
    expect(magnitudes(1)).toBeLessThan(0.9 * magnitudes(0));
  });
});
