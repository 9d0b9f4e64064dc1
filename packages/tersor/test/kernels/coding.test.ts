import { openDecoder } from '@tersor/loader';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceDecode } from '../../../loader/test/support/reference-decoder.ts';
import type { Elements } from '../../src/core/kernels.ts';
import { randomFor } from '../../src/core/random.ts';
import { levelOf, NEXT } from '../../src/core/trellis.ts';
import { encodeChunk } from '../../src/kernels/coder/encode-chunk.ts';
import { encodeOnBase } from '../../src/kernels/coder/encode-on-base.ts';
import { normalize } from '../../src/kernels/coder/frequencies.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { compileKernels, wasmLoops } from '../../src/kernels/wasm.ts';

const wasm = wasmLoops(await compileKernels());
const decoder = await openDecoder();

/** Codes with both implementations, decodes with both, and says how many bytes it took. */
function roundTrip(bytes: Uint8Array, elements: Omit<Elements, 'count'>): { coded: number; form: number } {
  const all = { ...elements, count: bytes.length / elements.width };
  const coded = encodeChunk(wasm, bytes, all);
  expect(encodeChunk(reference, bytes, all)).toEqual(coded);
  expect(Buffer.compare(decoder.decode(coded, all), bytes)).toBe(0);
  expect(Buffer.compare(referenceDecode(coded, all), bytes)).toBe(0);
  const most = encodeChunk(wasm, bytes, all, 'max');
  expect(encodeChunk(reference, bytes, all, 'max')).toEqual(most);
  expect(Buffer.compare(decoder.decode(most, all), bytes)).toBe(0);
  expect(Buffer.compare(referenceDecode(most, all), bytes)).toBe(0);
  expect(most.length).toBeLessThanOrEqual(coded.length);
  return { coded: coded.length, form: coded[0]! };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);

/** Values about 0 with a deviation that grows with the row. */
function weights(rows: number, columns: number, deviation = (row: number) => 0.02 * (1 + (row % 4))): Float32Array {
  const random = randomFor(7, 'values');
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [u, v] = [random(), random()];
    return deviation(Math.floor(i / columns)) * Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
  });
}

describe('chunks', () => {
  it('floats: exponents are coded by row, the rest is kept', () => {
    const bytes = bytesOf(weights(64, 256));
    const { coded, form } = roundTrip(bytes, { width: 4, turned: true, columns: 256 });
    expect(form).toBe(0);
    expect(coded).toBeLessThan(bytes.length * 0.845);
  });

  it('several tables take less than one where rows differ', () => {
    const codes = Uint8Array.from(
      weights(64, 256, (row) => (row < 32 ? 3 : 30)),
      (value) => Math.round(value),
    );
    const one = roundTrip(codes, { width: 1, turned: false, columns: 0 }).coded;
    expect(roundTrip(codes, { width: 1, turned: false, columns: 256 }).coded).toBeLessThan(one * 0.97);
  });

  it('few different values become a palette, zeros a mask, repetitions matches, of elements or of bytes', () => {
    const few = Float32Array.from(weights(16, 64), (value) => Math.round(value * 50));
    expect(roundTrip(bytesOf(few), { width: 4, turned: true, columns: 64 }).form).toBe(1);
    const sparse = weights(32, 64).map((value, i) => (i % 3 === 0 ? value : 0));
    expect(roundTrip(bytesOf(sparse), { width: 4, turned: true, columns: 64 }).form).toBe(2);
    const half = weights(16, 64);
    const twice = Float32Array.from({ length: 2048 }, (_, i) => half[i % 1024]!);
    const { form, coded } = roundTrip(bytesOf(twice), { width: 4, turned: true, columns: 64 });
    expect(form).toBe(3);
    expect(coded).toBeLessThan(1024 * 4);
    const mirrored = Float32Array.from({ length: 2048 }, (_, i) => (i < 1024 || i % 4 < 3 ? 1 : -1) * half[i % 1024]!);
    expect(roundTrip(bytesOf(mirrored), { width: 4, turned: true, columns: 64 }).form).toBe(4);
  });

  it('whole numbers of 16 bits are levels, by rows or by columns, of a trellis or not', () => {
    const around = { width: 2, turned: false, columns: 48 };
    const numbers = Int16Array.from(
      weights(64, 48, (row) => 1 + (row % 5)),
      (value) => Math.round(value),
    );
    const { coded, form } = roundTrip(bytesOf(numbers), around);
    expect(form).toBe(5);
    const byTrellis = (stride: number, lineStride: number, length: number) => {
      let state = 0;
      const levels = new Int16Array(numbers.length);
      numbers.forEach((number, i) => {
        if (i % length === 0) state = 0;
        levels[Math.floor(i / length) * lineStride + (i % length) * stride] = levelOf(number, state % 2);
        state = NEXT[state]![Math.abs(number % 2)]!;
      });
      return roundTrip(bytesOf(levels), around);
    };
    expect(byTrellis(1, 48, 48).coded).toBeLessThan(coded * 1.03);
    expect(byTrellis(48, 1, 64).coded).toBeLessThan(coded * 1.1);
  });

  it('levels of any size, in one or two bytes', () => {
    const extremes = Int16Array.from({ length: 256 }, (_, i) => (i % 9 === 0 ? [-32768, 32767, 255, -1024, 16384][i % 5]! : i % 3));
    expect(roundTrip(bytesOf(extremes), { width: 2, turned: false, columns: 16 }).form).toBe(5);
    const narrow = Int8Array.from(
      weights(80, 32, (row) => 1 + 5 * (row % 6)),
      (value) => Math.round(value),
    );
    const all = { width: 1, turned: false, columns: 32, count: narrow.length };
    roundTrip(bytesOf(narrow), all);
    expect(encodeChunk(wasm, bytesOf(narrow), all, 'max')[0]).toBe(5);
  });

  it('text shrinks', () => {
    const text = new TextEncoder().encode(Array.from({ length: 300 }, (_, i) => `layer.${i}.weight: conv2d, 3x3\n`).join(''));
    expect(roundTrip(text, { width: 1, turned: false, columns: 0 }).coded).toBeLessThan(text.length / 5);
  });

  it('what cannot shrink grows by a few bytes at most', () => {
    const random = randomFor(3, 'values');
    const noise = Uint8Array.from({ length: 4096 }, () => random() * 256);
    for (const width of [1, 2, 4, 8]) {
      expect(roundTrip(noise, { width, turned: width > 1, columns: 16 }).coded).toBeLessThanOrEqual(noise.length + 1 + width);
    }
  });

  it('any bytes come back, of any width, turned or not, in rows or not', () => {
    const shaped = fc.record({
      width: fc.constantFrom(1, 2, 4, 8),
      turned: fc.boolean(),
      columns: fc.integer({ min: 0, max: 40 }),
      elements: fc.oneof(
        fc.uint8Array({ maxLength: 400 }),
        fc.array(fc.constantFrom(0, 1, 127, 128, 255), { maxLength: 400 }).map((bytes) => Uint8Array.from(bytes)),
        fc
          .array(fc.constantFrom(Number.NaN, -0, 0, 1e-45, Number.POSITIVE_INFINITY, 0.1, -0.1), { maxLength: 99 })
          .map((values) => bytesOf(Float32Array.from(values))),
      ),
      times: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(shaped, ({ width, turned: isFloat, columns, elements, times }) => {
        const turned = isFloat && width > 1;
        const whole = elements.subarray(0, Math.floor(elements.length / width) * width);
        const bytes = new Uint8Array(whole.length * times);
        for (let i = 0; i < times; i++) bytes.set(whole, i * whole.length);
        roundTrip(bytes, { width, turned, columns });
      }),
      { numRuns: 80 },
    );
  });
});

describe('twins', () => {
  it('symbols with classes, of every length up to three times the lanes', () => {
    const random = randomFor(1, 'values');
    for (let count = 0; count <= 48; count++) {
      const symbols = Uint8Array.from({ length: count }, () => random() * 5);
      const classes = Uint8Array.from({ length: count }, () => random() * 3);
      const frequencies = Array.from({ length: 3 }, () =>
        normalize(Uint32Array.from({ length: 256 }, (_, s) => (s < 5 ? 1 + random() * 50 : 0))),
      );
      expect(wasm.encodeRans(symbols, { frequencies, classes })).toEqual(reference.encodeRans(symbols, { frequencies, classes }));
    }
  });

  it('planes', () => {
    const bytes = Uint8Array.from({ length: 8 * 37 }, (_, i) => i * 7);
    for (const width of [2, 4, 8])
      for (const turned of [false, true])
        expect(wasm.splitPlanes(bytes, width, turned)).toEqual(reference.splitPlanes(bytes, width, turned));
  });

  it('groups of lines', () => {
    const random = randomFor(5, 'values');
    const [lines, span, groups] = [Float32Array.from({ length: 33 * 7 }, () => Math.floor(random() * 9)), 7, 6];
    const assigned = Uint8Array.from({ length: 33 }, (_, i) => i % groups);
    const little = Float32Array.from({ length: span }, () => 0.1 + random());
    expect(wasm.groupLines({ lines, span, groups, assigned, little })).toEqual(
      reference.groupLines({ lines, span, groups, assigned, little }),
    );
  });

  it('counts, of rows that are whole and rows that are not', () => {
    const random = randomFor(6, 'values');
    const above = Uint8Array.from({ length: 333 }, () => random() * 256);
    for (const columns of [1, 2, 7, 32, 333]) {
      const symbols = Uint8Array.from({ length: 333 }, () => random() * 256);
      const count = Math.ceil(333 / columns);
      const [rows, ofColumns] = [new Uint8Array(count).map((_, i) => i % 2), new Uint8Array(columns).map((_, i) => i % 3)];
      const pairs = { columns, rows, ofColumns, columnGroups: 3, pairs: 6 };
      expect(wasm.countPairs(symbols, pairs)).toEqual(reference.countPairs(symbols, pairs));
      expect(wasm.countBelow(symbols, above)).toEqual(reference.countBelow(symbols, above));
      for (const axis of ['row', 'column'] as const) {
        expect(wasm.lineMoments(symbols, columns, axis, 100)).toEqual(reference.lineMoments(symbols, columns, axis, 100));
        const bundleOf = Uint16Array.from({ length: axis === 'row' ? count : columns }, (_, i) => i % 5);
        const bundles = { columns, axis, bundleOf, bundles: 5, first: 100, span: 256 };
        expect(wasm.countLines(symbols, bundles)).toEqual(reference.countLines(symbols, bundles));
      }
    }
  });
});

it('frequencies add up, keep what is rare, and leave nothing alone', () => {
  const counts = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 20 })), { minLength: 256, maxLength: 256 });
  fc.assert(
    fc.property(counts, (list) => {
      if (list.every((count) => count === 0)) return;
      const frequencies = normalize(Uint32Array.from(list));
      expect(frequencies.reduce((sum, frequency) => sum + frequency, 0)).toBe(4096);
      expect(Math.max(...frequencies)).toBeLessThan(4096);
      list.forEach((count, symbol) => {
        if (count > 0) expect(frequencies[symbol]).toBeGreaterThan(0);
      });
    }),
    { numRuns: 200 },
  );
});

describe('differences to a base', () => {
  /** Codes with both implementations, and decodes by the description. */
  function onBase(bytes: Uint8Array, base: Uint8Array, elements: Omit<Elements, 'count'>): number {
    const all = { ...elements, count: bytes.length / elements.width };
    for (const profile of ['default', 'max'] as const) {
      const coded = encodeOnBase(wasm, bytes, all, base, profile);
      expect(encodeOnBase(reference, bytes, all, base, profile)).toEqual(coded);
      expect(Buffer.compare(referenceDecode(coded, all, base), bytes)).toBe(0);
    }
    return encodeOnBase(wasm, bytes, all, base).length;
  }

  it('what moved by less takes less, and what did not move nothing', () => {
    const before = weights(64, 256);
    const sizes = [1e-2, 1e-4, 0].map((step) => {
      const after = before.map((value, i) => value + step * Math.sin(i * 12.9898));
      return onBase(bytesOf(after), bytesOf(before), { width: 4, turned: true, columns: 256 });
    });
    expect(sizes[1]).toBeLessThan(sizes[0]! * 0.75);
    expect(sizes[2]).toBe(2);
  });

  it('any bytes come back, of any width, turned or not, in rows or not', () => {
    const widths = fc.constantFrom(1, 2, 4, 8);
    const arrays = fc.uint8Array({ minLength: 64, maxLength: 512 });
    fc.assert(
      fc.property(
        widths,
        fc.boolean(),
        fc.constantFrom(0, 3, 16),
        arrays,
        arrays,
        fc.integer({ min: 0, max: 3 }),
        (width, turned, columns, a, b, alike) => {
          const length = Math.floor(Math.min(a.length, b.length) / width) * width;
          // of some elements the base has all but the lowest bytes
          const base = b.slice(0, length).map((byte, i) => (i % width >= alike ? a[i]! : byte));
          onBase(a.slice(0, length), base, { width, turned: turned && width > 1, columns });
        },
      ),
      { numRuns: 60 },
    );
  });
});
