import { expect, it } from 'vitest';
import { openSizes } from '../../src/data/sizes.ts';

const open = (shape: readonly (number | string | undefined)[], role: Parameters<typeof openSizes>[1]) =>
  Object.fromEntries(openSizes({ name: 'x', dtype: 'f32', shape }, role));

it('takes the first axis for the batch, whatever it is called, and any other only by its name', () => {
  expect(open(['b', 'n'], 'audio')).toEqual({ 1: 'samples' });
  expect(open(['n', 'n'], 'audio')).toEqual({ 1: 'samples' });
  expect(open(['n'], 'audio')).toEqual({ 0: 'samples' });
  expect(open(['length', 'batch_size', 80], 'features')).toEqual({});
  expect(open([undefined, 3, 'h', 'w'], 'image')).toEqual({ 2: 'height', 3: 'width' });
  expect(open([undefined, 'h', 'w', 3], 'image')).toEqual({ 1: 'height', 2: 'width' });
});
