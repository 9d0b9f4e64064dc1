import { describe, expect, it } from 'vitest';
import { evaluate } from '../../src/core/evaluate-small/evaluate.ts';
import { type Computable, fit, type Known, knownIntegers, knownOf, type Scalar, tensorOf } from '../../src/core/evaluate-small/known.ts';
import { type Attribute, makeNode, type Node } from '../../src/core/graph.ts';

type Plain = Parameters<typeof makeNode>[3];

const ints = (...values: number[]) => knownIntegers(values);
const scalar = (value: number) => knownIntegers([value], []);
const tensor = (dtype: Computable, shape: number[], values: Scalar[]): Known => ({
  dtype,
  shape,
  values: values.map((value) => fit(dtype, value)),
});
const floats = (...values: number[]) => tensor('f32', [values.length], values);

function run(op: string, inputs: readonly (Known | undefined)[], plain: Plain = {}, opset = 18, outputs = 1): readonly Known[] | undefined {
  const names = inputs.map((input, i) => (input ? `in${i}` : ''));
  const node = makeNode(
    op,
    names,
    Array.from({ length: outputs }, (_, i) => `out${i}`),
    plain,
  );
  return evaluate(
    node,
    opset,
    inputs.map((known) => (known ? { known, shape: known.shape } : {})),
  );
}

const values = (result: readonly Known[] | undefined) =>
  result?.[0]?.values.map((value) => (value === undefined ? undefined : Number(value)));
const shape = (result: readonly Known[] | undefined) => result?.[0]?.shape;

describe('evaluate', () => {
  it('computes integers exactly and lets them wrap around', () => {
    const big = tensor('i64', [1], [2n ** 62n]);
    expect(run('Mul', [big, tensor('i64', [1], [4n])])?.[0]?.values).toEqual([0n]);
    expect(run('Add', [tensor('i64', [1], [2n ** 53n]), tensor('i64', [1], [1n])])?.[0]?.values).toEqual([2n ** 53n + 1n]);
    expect(run('Mul', [tensor('i32', [1], [65_537]), tensor('i32', [1], [65_537])])?.[0]?.values).toEqual([131_073]);
    expect(values(run('Div', [ints(-7, 7, -7), ints(2, -2, -2)]))).toEqual([-3, -3, 3]);
    expect(values(run('Mod', [ints(-7, 7, -7), ints(3, -3, -3)]))).toEqual([2, -2, -1]);
    expect(values(run('Div', [ints(1, 4), ints(0, 2)]))).toEqual([undefined, 2]);
  });

  it('rounds floats to their type after every step', () => {
    expect(values(run('Add', [floats(1), floats(2 ** -25)]))).toEqual([1]);
    expect(values(run('Div', [floats(1), floats(3)]))).toEqual([Math.fround(1 / 3)]);
    expect(values(run('Mul', [tensor('f16', [1], [1.0009765625]), tensor('f16', [1], [3])]))).toEqual([3.00390625]);
    expect(run('Sqrt', [floats(2)])?.[0]?.values).toEqual([Math.fround(Math.SQRT2)]);
  });

  it('broadcasts', () => {
    const sum = run('Add', [tensor('i64', [2, 1], [10n, 20n]), ints(1, 2, 3)]);
    expect(shape(sum)).toEqual([2, 3]);
    expect(values(sum)).toEqual([11, 12, 13, 21, 22, 23]);
    expect(run('Add', [ints(1, 2), ints(1, 2, 3)])).toBeUndefined();
    expect(values(run('Where', [tensor('bool', [2], [1, 0]), scalar(5), ints(7, 8)]))).toEqual([5, 8]);
  });

  it('slices as ONNX does: negative positions, far ends, steps backwards', () => {
    const data = ints(0, 1, 2, 3, 4);
    expect(values(run('Slice', [data, ints(-3), tensor('i64', [1], [2n ** 63n - 1n])]))).toEqual([2, 3, 4]);
    expect(values(run('Slice', [data, ints(3), tensor('i64', [1], [-(2n ** 63n)]), ints(0), ints(-2)]))).toEqual([3, 1]);
    expect(values(run('Slice', [data, ints(4), ints(1)]))).toEqual([]);
    expect(values(run('Slice', [data], { starts: [1], ends: [3], axes: [0] }, 9))).toEqual([1, 2]);
    const table = tensor('i64', [2, 3], [0n, 1n, 2n, 3n, 4n, 5n]);
    expect(values(run('Slice', [table, ints(1, 0), ints(3, 1), ints(-1, 0)]))).toEqual([1, 2]);
  });

  it('takes axes from the attribute or from the input, by operator set', () => {
    expect(shape(run('Unsqueeze', [ints(1, 2)], { axes: [0, 2] }, 11))).toEqual([1, 2, 1]);
    expect(shape(run('Unsqueeze', [ints(1, 2), ints(-1)], {}, 13))).toEqual([2, 1]);
    expect(shape(run('Squeeze', [tensor('i64', [1, 2, 1], [1n, 2n])], {}, 13))).toEqual([2]);
    expect(run('Squeeze', [ints(1, 2), ints(0)], {}, 13)).toBeUndefined();
    expect(values(run('ReduceProd', [ints(2, 3, 4)], { axes: [0], keepdims: 0 }, 13))).toEqual([24]);
    expect(values(run('ReduceProd', [ints(2, 3, 4), ints(0)], { keepdims: 1 }, 18))).toEqual([24]);
    expect(values(run('ReduceSum', [tensor('i64', [2, 2], [1n, 2n, 3n, 4n]), ints(0)], { keepdims: 0 }, 13))).toEqual([4, 6]);
  });

  it('splits evenly, unevenly and as told', () => {
    const lengths = (result: readonly Known[] | undefined) => result?.map((part) => part.shape[0]);
    expect(lengths(run('Split', [ints(1, 2, 3, 4)], {}, 13, 2))).toEqual([2, 2]);
    expect(lengths(run('Split', [ints(1, 2, 3, 4, 5)], { num_outputs: 2 }, 18, 2))).toEqual([3, 2]);
    expect(lengths(run('Split', [ints(1, 2, 3), ints(1, 2)], {}, 13, 2))).toEqual([1, 2]);
    expect(lengths(run('Split', [ints(1, 2, 3)], { split: [2, 1] }, 11, 2))).toEqual([2, 1]);
    expect(run('Split', [ints(1, 2, 3)], {}, 13, 2)).toBeUndefined();
  });

  it('carries unknown dimensions along and computes the others', () => {
    const node = makeNode('Shape', ['x'], ['s']);
    const [dimensions] = evaluate(node, 15, [{ shape: [undefined, 3, 224] }]) ?? [];
    expect(dimensions?.values).toEqual([undefined, 3n, 224n]);
    expect(values(run('Gather', [dimensions, scalar(1)]))).toEqual([3]);
    expect(values(run('Mul', [dimensions, scalar(2)]))).toEqual([undefined, 6, 448]);
    expect(values(run('Concat', [ints(9), dimensions], { axis: 0 }))).toEqual([9, undefined, 3, 224]);
    expect(dimensions && tensorOf(dimensions)).toBeUndefined();
    expect(values(evaluate(makeNode('Shape', ['x'], ['s'], { start: -1 }), 15, [{ shape: [undefined, 3, 224] }]))).toEqual([224]);
  });

  it('casts what every runtime casts alike, and nothing else', () => {
    const to = (known: Known, type: number) => run('Cast', [known], { to: type })?.[0]?.values;
    expect(to(floats(-1.9, 2.9), 7)).toEqual([-1n, 2n]);
    expect(to(floats(Number.NaN, 1e20), 7)).toEqual([undefined, undefined]);
    expect(to(ints(300), 2)).toEqual([44]);
    expect(to(ints(0, 5), 9)).toEqual([0, 1]);
    expect(to(tensor('i64', [1], [2n ** 53n + 1n]), 1)).toEqual([undefined]);
    expect(to(floats(0.1), 10)).toEqual([0.0999755859375]);
    expect(run('Cast', [floats(1)], { to: 8 })).toBeUndefined();
  });

  it('makes ranges and constants, but nothing large', () => {
    expect(values(run('Range', [scalar(5), scalar(0), scalar(-2)]))).toEqual([5, 3, 1]);
    expect(run('Range', [scalar(0), scalar(10), scalar(0)])).toBeUndefined();
    expect(run('Range', [scalar(0), scalar(1e9), scalar(1)])).toBeUndefined();
    const value: Attribute = {
      kind: 'tensor',
      value: { kind: 'dense', dtype: 'i64', shape: [1], bytes: new Uint8Array(BigInt64Array.of(7n).buffer) },
    };
    const node: Node = { ...makeNode('ConstantOfShape', ['s'], ['c']), attributes: new Map([['value', value]]) };
    expect(evaluate(node, 13, [{ known: ints(2, 1) }])).toEqual([{ dtype: 'i64', shape: [2, 1], values: [7n, 7n] }]);
    expect(evaluate(node, 13, [{ known: ints(1e6, 1e6) }])).toBeUndefined();
    expect(evaluate(node, 13, [{ known: ints(-1) }])).toBeUndefined();
    expect(shape(run('Expand', [ints(1, 2), ints(3, 1)]))).toEqual([3, 2]);
    expect(run('Expand', [ints(1), ints(1e9)])).toBeUndefined();
  });

  it('gathers with negative indices and refuses those out of range', () => {
    const table = tensor('i64', [2, 3], [0n, 1n, 2n, 3n, 4n, 5n]);
    expect(values(run('Gather', [table, ints(-1, 0)], { axis: 1 }))).toEqual([2, 0, 5, 3]);
    expect(shape(run('Gather', [table, scalar(1)]))).toEqual([3]);
    expect(run('Gather', [table, scalar(2)])).toBeUndefined();
  });

  it('leaves alone what it does not know', () => {
    expect(run('Exp', [floats(1)])).toBeUndefined();
    expect(evaluate(makeNode('Add', ['a', 'b'], ['c'], {}, 'com.example'), 13, [{ known: ints(1) }, { known: ints(2) }])).toBeUndefined();
    expect(run('Add', [ints(1), ints(2)], { axis: 0, broadcast: 1 }, 6)).toBeUndefined();
    expect(run('Add', [ints(1), floats(2)])).toBeUndefined();
  });

  it('reads and writes every type it computes with', () => {
    const types: readonly Computable[] = ['f64', 'f32', 'f16', 'i64', 'u64', 'i32', 'i16', 'i8', 'u32', 'u16', 'u8', 'bool'];
    for (const dtype of types) {
      const known = tensor(dtype, [2], dtype === 'bool' ? [0, 1] : [1, 100]);
      const bytes = tensorOf(known);
      expect(bytes && knownOf(bytes)).toEqual(known);
    }
    expect(knownOf({ kind: 'dense', dtype: 'f32', shape: [3], bytes: new Uint8Array(8) })).toBeUndefined();
    expect(knownOf({ kind: 'dense', dtype: 'i4', shape: [2], bytes: new Uint8Array(1) })).toBeUndefined();
  });
});
