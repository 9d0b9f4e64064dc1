import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decode } from '../../../src/core/decode.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode } from '../../../src/core/graph.ts';
import { parseOptions } from '../../../src/core/options.ts';
import { openKernels } from '../../../src/kernels/open-kernels.ts';
import bitround from '../../../src/methods/quantize/bitround.ts';
import { chain, floats } from '../../support/fp16.ts';

const kernels = await openKernels({ threads: 0 });

async function round(values: readonly number[], raw: Readonly<Record<string, unknown>> = {}) {
  const bias = floats('bias', values);
  const weight = { ...floats('w', new Array(4 * values.length).fill(1 / 3)), shape: [4, values.length] };
  const model = chain([makeNode('MatMul', ['x', 'w'], ['h']), makeNode('Add', ['h', 'bias'], ['y'])], { w: weight, bias });
  const result = await bitround.apply(model, parseOptions('bitround', bitround.options, raw), {
    scope: await findLayers(model),
    kernels,
    note: () => {},
    observed: async () => undefined,
    recall: (_, make) => make(),
    random: () => () => 0,
  });
  expect(result.weights.get('w')).toBe(model.weights.get('w'));
  return decode(await result.weights.get('bias')!.load());
}

it('no value moves by more than half of its last bit, and the bits behind are zeros', async () => {
  const values = fc.array(fc.float({ noDefaultInfinity: true, noNaN: true }), { minLength: 16, maxLength: 32 });
  await fc.assert(
    fc.asyncProperty(values, fc.integer({ min: 1, max: 22 }), async (given, bits) => {
      const rounded = await round(given, { bits });
      const words = new Uint32Array(rounded.slice().buffer);
      given.forEach((value, i) => {
        // the largest floats would become infinite, and stay
        if (Math.abs(value) > 2 ** 127) return;
        expect(Math.abs(rounded[i]! - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -(bits + 1), 2 ** -127));
        expect(words[i]! % 2 ** (23 - bits)).toBe(0);
      });
    }),
    { numRuns: 60 },
  );
});

it('leaves what is no number alone, and constants of a few elements', async () => {
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, -0, 3.4028234e38, ...new Array(16).fill(1 / 3)];
  const rounded = await round(odd);
  expect([...rounded.slice(0, 4)]).toEqual(odd.slice(0, 4).map(Math.fround));
  expect(rounded[4]).toBe(341 / 1024);
  expect((await round([1 / 3, 1.3333]))[0]).toBe(Math.fround(1 / 3));
});
