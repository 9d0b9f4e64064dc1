import { expect, it } from 'vitest';
import { stateLinks } from '../../src/core/state-links.ts';

const value = (name: string, shape: readonly (number | string)[] = [1]) => ({ name, dtype: 'f32', shape }) as const;

it.each([
  [['input', 'state'], ['output', 'stateN'], { state: 'stateN' }],
  [['input', 'h', 'c'], ['output', 'hn', 'cn'], { h: 'hn', c: 'cn' }],
  [['ids', 'past_key_values.0.key'], ['logits', 'present.0.key'], { 'past_key_values.0.key': 'present.0.key' }],
  [['x', 'hidden_in'], ['y', 'hidden_out'], { hidden_in: 'hidden_out' }],
  [['x', 'cache'], ['y', 'new_cache'], { cache: 'new_cache' }],
  [['input'], ['output'], {}],
  [['x'], ['x'], {}],
])('links %j with %j', (inputs, outputs, expected) => {
  const links = stateLinks(
    inputs.map((name) => value(name)),
    outputs.map((name) => value(name)),
  );
  expect(Object.fromEntries(links.map(({ input, output }) => [input, output]))).toEqual(expected);
});

it('links no values of different types or shapes', () => {
  expect(stateLinks([value('h', [2, 'B', 64])], [value('hn', [2, 'B', 32])])).toEqual([]);
  expect(stateLinks([value('h', [2, 'B', 64])], [{ ...value('hn', [2, 'B', 64]), dtype: 'f16' }])).toEqual([]);
  expect(stateLinks([value('h', [2, 'B', 64])], [value('hn', ['a', 'b', 'c'])])).toHaveLength(1);
});
