import { expect, it } from 'vitest';
import { cast } from '../../src/convert/cast.ts';
import { turned } from '../../src/convert/rows.ts';
import { stacked, unstacked } from '../../src/convert/stack.ts';
import { plus } from '../../src/convert/values.ts';
import { decode, denseOf } from '../../src/core/decode.ts';
import type { Model, Weight } from '../../src/core/model.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { bytesIn, loadedByRows, pulledByRows } from '../support/by-rows.ts';

const SHAPE = [24, 3];
const values = Float32Array.from({ length: 72 }, (_, i) => i / 8);
const weight: Weight = {
  id: 'w',
  shape: SHAPE,
  dtype: 'f32',
  layout: { kind: 'dense', dtype: 'f32' },
  load: async () => denseOf(values, SHAPE),
};
const meta: Model['meta'] = { properties: new Map(), producer: '', format: undefined };
const tiled =
  loadedByRows({ format: 'safetensors', meta, weights: new Map([['w', weight]]), execution: new Map() }).weights.get('w') ?? weight;

it('rows of heads change places in pieces as they do in the whole weight', async () => {
  for (const direction of ['to-gguf', 'to-checkpoint'] as const) {
    const whole = bytesIn(await turned(weight, 3, direction).load());
    for (const step of [1, 5, 8, 24]) expect(await pulledByRows(turned(tiled, 3, direction), step), `${direction} ${step}`).toEqual(whole);
  }
  const back = await turned(turned(tiled, 3, 'to-gguf'), 3, 'to-checkpoint').load();
  expect(decode(back)).toEqual(values);
  expect(turned(weight, 3, 'to-gguf').load.rows).toBeUndefined();
});

it('values become halves in pieces as they do in the whole weight', async () => {
  const kernels = await openKernels({ threads: 0 });
  const whole = bytesIn(await cast(weight, 'bf16', kernels).load());
  expect(await pulledByRows(cast(tiled, 'bf16', kernels), 7)).toEqual(whole);
});

it('experts are stacked, and taken out again, in pieces as they are whole', async () => {
  const twice = plus(tiled, 1);
  const stack = stacked([tiled, twice, tiled], 'experts');
  const whole = bytesIn(await stack.load());
  expect(whole.length).toBe(3 * values.byteLength);
  for (const step of [1, 7, 24, 30, 72]) expect(await pulledByRows(stack, step), String(step)).toEqual(whole);
  // also of what is to be had whole alone
  for (const each of [stack, stacked([weight, plus(weight, 1), weight], 'experts')]) {
    expect(decode(await unstacked(each, 1).load())).toEqual(values.map((value) => value + 1));
    expect((await unstacked(each, 2).load()).shape).toEqual(SHAPE);
  }
  expect(await pulledByRows(unstacked(stack, 1), 5)).toEqual(bytesIn(await twice.load()));
});
