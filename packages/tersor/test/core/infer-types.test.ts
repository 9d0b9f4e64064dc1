import { describe, expect, it } from 'vitest';
import { eachGraph, makeNode, type Node } from '../../src/core/graph.ts';
import { inferTypes } from '../../src/core/infer-types.ts';
import type { Model } from '../../src/core/model.ts';
import { graphOf, handMade, tensorInfo } from '../support/hand-made-model.ts';

function typesOf(model: Model, names: readonly string[], index = 0): (string | undefined)[] {
  const types = inferTypes(model.graph!, model.weights);
  const graph = [...eachGraph(model.graph!)][index]!.graph;
  return names.map((name) => types.get(graph)?.typeOf(name));
}

const INPUTS = [tensorInfo('x', 'f32'), tensorInfo('n', 'i64'), tensorInfo('h', 'f16'), tensorInfo('q', 'u8')];

function single(opset: number, ...nodes: readonly Node[]): Model {
  return handMade({ nodes, weights: { w: [2, 2], axes: [1n] }, inputs: INPUTS, outputs: [], opset });
}

describe('inferTypes', () => {
  it.each<[string, Node, string | undefined, number?]>([
    ['as its inputs', makeNode('Add', ['x', 'w'], ['y']), 'f32'],
    ['of halves', makeNode('Relu', ['h'], ['y']), 'f16'],
    ['of a comparison', makeNode('Less', ['x', 'w'], ['y']), 'bool'],
    ['of a shape', makeNode('Shape', ['x'], ['y']), 'i64'],
    ['of positions', makeNode('ArgMax', ['x'], ['y']), 'i64'],
    ['that is cast to', makeNode('Cast', ['n'], ['y'], { to: 10 }), 'f16'],
    ['of another value', makeNode('CastLike', ['n', 'h'], ['y']), 'f16', 15],
    ['of what is chosen from', makeNode('Where', ['b', 'h', 'h'], ['y']), 'f16'],
    ['of a table', makeNode('Gather', ['w', 'n'], ['y']), 'f32'],
    ['of the values of OneHot', makeNode('OneHot', ['n', 'n', 'h'], ['y']), 'f16'],
    ['of a fill by default', makeNode('ConstantOfShape', ['n'], ['y']), 'f32'],
    ['of random numbers', makeNode('RandomNormal', [], ['y'], { dtype: 11, shape: [1] }), 'f64'],
    ['of random numbers like others', makeNode('RandomNormalLike', ['h'], ['y']), 'f16'],
    ['of quantized values by default', makeNode('QuantizeLinear', ['x', 'w'], ['y']), 'u8'],
    ['of the zero point', makeNode('QuantizeLinear', ['x', 'w', 'q'], ['y']), 'u8'],
    ['of the scale', makeNode('DequantizeLinear', ['q', 'h'], ['y']), 'f16', 19],
    ['of MatMulNBits', makeNode('MatMulNBits', ['h', 'q', 'h'], ['y'], {}, 'com.microsoft'), 'f16'],
    ['of inputs that disagree: none', makeNode('Add', ['x', 'h'], ['y']), undefined],
    ['of a sequence: none', makeNode('SequenceConstruct', ['x'], ['y']), undefined],
    ['of an unknown operator: none', makeNode('Sigmund', ['x'], ['y']), undefined],
    ['of an operator from later: none', makeNode('Gelu', ['x'], ['y']), undefined],
  ])('knows the type %s', (_, node, type, opset = 13) => {
    expect(typesOf(single(opset, node), ['y'])).toEqual([type]);
  });

  it('tells several outputs apart', () => {
    expect(typesOf(single(13, makeNode('TopK', ['x', 'axes'], ['values', 'positions'])), ['values', 'positions'])).toEqual(['f32', 'i64']);
    expect(typesOf(single(13, makeNode('Split', ['h'], ['a', 'b', 'c'])), ['a', 'b', 'c'])).toEqual(['f16', 'f16', 'f16']);
  });

  it('takes the word of the file for operators it does not know', () => {
    const model = single(13, makeNode('MyOwn', ['x'], ['y'], {}, 'example.com'), makeNode('Relu', ['y'], ['z']));
    const graph = { ...model.graph!, values: new Map([['y', tensorInfo('y', 'f16')]]) };
    expect(typesOf({ ...model, graph }, ['y', 'z'])).toEqual(['f16', 'f16']);
  });

  it('follows values into branches and out of them', () => {
    const branch = (op: string, to: string) => graphOf({ nodes: [makeNode(op, ['outer'], [to])], outputs: [{ name: to }] });
    const choice = {
      ...makeNode('If', ['b'], ['y']),
      graphs: new Map([
        ['then_branch', branch('Relu', 't')],
        ['else_branch', branch('Exp', 'e')],
      ]),
    };
    const model = single(13, makeNode('Cast', ['n'], ['outer'], { to: 10 }), choice);
    expect(typesOf(model, ['y'])).toEqual(['f16']);
    expect(typesOf(model, ['outer', 't'], 1)).toEqual(['f16', 'f16']);
  });

  it('has no type for branches that disagree', () => {
    const branch = (op: string, to: string) => graphOf({ nodes: [makeNode(op, ['x'], [to])], outputs: [{ name: to }] });
    const choice = {
      ...makeNode('If', ['b'], ['y']),
      graphs: new Map([
        ['then_branch', branch('Relu', 't')],
        ['else_branch', branch('Shape', 'e')],
      ]),
    };
    expect(typesOf(single(13, choice), ['y'])).toEqual([undefined]);
  });

  it('passes types to the body of a loop, which need not say them', () => {
    const body = graphOf({
      nodes: [makeNode('Add', ['carried', 'x'], ['next']), makeNode('Cast', ['i'], ['scan'], { to: 10 })],
      inputs: [{ name: 'i' }, { name: 'go' }, { name: 'carried' }],
      outputs: [{ name: 'go' }, { name: 'next' }, { name: 'scan' }],
    });
    const loop = { ...makeNode('Loop', ['n', '', 'w'], ['last', 'all']), graphs: new Map([['body', body]]) };
    expect(typesOf(single(13, loop), ['last', 'all'])).toEqual(['f32', 'f16']);
    expect(typesOf(single(13, loop), ['i', 'go', 'carried', 'next'], 1)).toEqual(['i64', 'bool', 'f32', 'f32']);
  });
});
