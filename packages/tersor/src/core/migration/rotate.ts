import { elementsOf } from '../dtype.ts';
import { makeNode, type Node, type WeightId } from '../graph.ts';
import type { Model, Weight } from '../model.ts';
import { type Edit, openEdit } from './edit.ts';
import type { Rotation } from './find-rotations.ts';
import type { Border, Part } from './port.ts';

/**
 * The model with channels turned by a Hadamard matrix, block by block: it computes the same, up to float rounding. Nothing is loaded. Expects the model
 * that the rotations were found in. The matrix is Sylvester's, over the root of its size; it is symmetric and its own inverse, so that what gives channels and what reads them changes alike.
 * @param matrixOf  that matrix as a weight, where one is needed
 */
export function rotate(model: Model, all: readonly Rotation[], matrixOf: (id: WeightId, size: number) => Weight): Model {
  if (!model.graph || all.length === 0) return model;
  const edit = openEdit(model, model.graph);
  const matrices = new Map<string, string>();
  for (const rotation of all) {
    const { path, block, parts, borders } = rotation;
    for (const part of parts) edit.change(path, part, (values, shape) => turnAlong(values, shape, part, block));
    if (borders.length === 0) continue;
    const key = `${path}hadamard_${block}`;
    const matrix = matrices.get(key) ?? edit.declare(path, `hadamard_${block}`, (id) => matrixOf(id, block));
    matrices.set(key, matrix);
    for (const border of borders) undo(border, rotation, matrix, edit);
  }
  return edit.close();
}

/** Between an operator that lets nothing pass and the group. */
function undo({ node, value, gives }: Border, { path, block, lanes, ranks }: Rotation, matrix: string, edit: Edit): void {
  const width = lanes.get(value)?.sizes.at(-1) ?? 0;
  const [inside, outside] = gives ? [value, edit.fresh(`${value}_plain`)] : [edit.fresh(`${value}_plain`), value];
  const turned = turning(outside, inside, { width, block, rank: ranks.get(value) ?? 0 }, matrix, path, edit);
  if (gives) {
    edit.rename(node, value, outside);
    edit.behind(node, turned);
    return;
  }
  edit.before(node, turned);
  for (const [input, name] of node.inputs.entries()) if (name === value) edit.rewire(node, input, inside);
}

/** Products with the matrix, block by block of the last axis. */
function turning(
  from: string,
  to: string,
  { width, block, rank }: { readonly width: number; readonly block: number; readonly rank: number },
  matrix: string,
  path: string,
  edit: Edit,
): Node[] {
  if (width === block) return [makeNode('MatMul', [from, matrix], [to])];
  const kept = new Array<number>(rank - 1).fill(0);
  const shape = (sizes: readonly number[]) => edit.declare(path, `${to}_shape`, (id) => integers(id, [...kept, ...sizes]));
  const [split, mixed] = [edit.fresh(`${to}_blocks`), edit.fresh(`${to}_mixed`)];
  return [
    makeNode('Reshape', [from, shape([width / block, block])], [split]),
    makeNode('MatMul', [split, matrix], [mixed]),
    makeNode('Reshape', [mixed, shape([width])], [to]),
  ];
}

/** Every vector of channels times the matrix, block by block. */
function turnAlong(values: Float64Array | Float32Array, shape: readonly number[], { axes, ids }: Part, block: number): void {
  const [axis = 0] = axes;
  const stride = elementsOf(shape.slice(axis + 1));
  const size = shape[axis] ?? 1;
  const scale = 1 / Math.sqrt(block);
  const buffer = new Float64Array(block);
  for (let start = 0; start < values.length; start += size * stride) {
    for (let inner = 0; inner < stride; inner++) {
      for (let first = 0; first < size; first += block) {
        if (ids[first]! < 0) continue;
        const at = start + first * stride + inner;
        for (let i = 0; i < block; i++) buffer[i] = values[at + i * stride]! * scale;
        transform(buffer);
        for (let i = 0; i < block; i++) values[at + i * stride] = buffer[i]!;
      }
    }
  }
}

/** The fast Walsh-Hadamard transform, in place; not normalized. */
function transform(values: Float64Array): void {
  for (let half = 1; half < values.length; half *= 2) {
    for (let start = 0; start < values.length; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const [a, b] = [values[i]!, values[i + half]!];
        values[i] = a + b;
        values[i + half] = a - b;
      }
    }
  }
}

function integers(id: string, values: readonly number[]): Weight {
  const shape = [values.length];
  const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return {
    id,
    shape,
    dtype: 'i64',
    layout: { kind: 'dense', dtype: 'i64' },
    load: async () => ({ kind: 'dense', dtype: 'i64', shape, bytes }),
  };
}
