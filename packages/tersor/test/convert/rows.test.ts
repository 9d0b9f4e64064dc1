import { expect, it } from 'vitest';
import { cast } from '../../src/convert/cast.ts';
import { turned } from '../../src/convert/rows.ts';
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
