import { expect, it } from 'vitest';
import type { Layer } from '../../src/core/layers.ts';
import { select } from '../../src/core/rules.ts';

const layers = [layer('encoder/0/query.weight', 'linear', 64), layer('encoder/0/conv', 'conv', 9), layer('lm_head.weight', 'linear', 512)];

it('selects by name, kind and size; rules add up', () => {
  expect(names([{ name: 'encoder/0/*' }])).toEqual(['encoder/0/conv']);
  expect(names([{ name: 'encoder/0/*.*' }])).toEqual(['encoder/0/query.weight']);
  expect(names([{ name: '**weight' }])).toEqual(['encoder/0/query.weight', 'lm_head.weight']);
  expect(names([{ kind: 'linear', minElements: 100 }])).toEqual(['lm_head.weight']);
  expect(names([{ name: 'lm_head.weight' }, { kind: 'conv' }])).toEqual(['encoder/0/conv', 'lm_head.weight']);
});

it('takes other signs of a name literally', () => {
  expect(() => select(layers, [{ name: 'lm_head?weight' }])).toThrow('RULE_UNMATCHED');
});

it('a rule that selects nothing is an error with the nearest name', () => {
  expect(() => select(layers, [{ name: 'lm_hed.weight' }])).toThrow('closest name: "lm_head.weight" [RULE_UNMATCHED]');
  expect(() => select(layers, [{ kind: 'conv' }, { kind: 'recurrent' }])).toThrow('none of 3 layers matches');
});

function names(rules: Parameters<typeof select>[1]): string[] {
  return select(layers, rules).map(({ weight }) => weight.id);
}

function layer(id: string, kind: Layer['kind'], elements: number): Layer {
  const weight = {
    id,
    shape: [elements],
    dtype: 'f32',
    layout: { kind: 'dense', dtype: 'f32' },
    load: () => Promise.reject(new Error('not loaded')),
  } as const;
  return { weight, kind, uses: [], outputAxes: [0], outputs: 1, inputs: elements };
}
