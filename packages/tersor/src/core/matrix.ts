import { elementsOf, type Shape } from './dtype.ts';

type Numbers = Float32Array | Uint8Array | Int16Array;

/** Values of a weight as the matrix `[outputs, inputs]`, row-major. Returns `values` itself when the outputs are the leading axes. */
export function toMatrix<T extends Numbers>(values: T, shape: Shape, outputs: readonly number[]): T {
  return permute(values, shape, [...outputs, ...inputAxes(shape, outputs)]);
}

/** The inverse of `toMatrix`: values in the weight's own order. */
export function fromMatrix<T extends Numbers>(values: T, shape: Shape, outputs: readonly number[]): T {
  const order = [...outputs, ...inputAxes(shape, outputs)];
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return permute(
    values,
    order.map((axis) => shape[axis] ?? 1),
    inverse,
  );
}

export function inputAxes(shape: Shape, outputs: readonly number[]): number[] {
  return shape.map((_, axis) => axis).filter((axis) => !outputs.includes(axis));
}

/** Whether the outputs are the leading axes in order, so that the matrix is the weight as it is stored. */
export function isRowMajor(outputs: readonly number[]): boolean {
  return outputs.every((axis, position) => axis === position);
}

/** Reorders axes: axis `i` of the result is axis `order[i]` of the input. */
export function permute<T extends Numbers>(values: T, shape: Shape, order: readonly number[]): T {
  if (isRowMajor(order)) return values;
  const strides = shape.map((_, axis) => elementsOf(shape.slice(axis + 1)));
  const result = values.slice() as T;
  const steps = order.map((axis) => strides[axis] ?? 0);
  const lengths = order.map((axis) => shape[axis] ?? 1);
  const inner = lengths.length - 1;
  const innerLength = lengths[inner] ?? 1;
  const innerStep = steps[inner] ?? 1;
  const counter = new Array<number>(lengths.length).fill(0);
  for (let to = 0, from = 0; to < values.length; ) {
    for (let i = 0, f = from; i < innerLength; i++, f += innerStep) result[to++] = values[f]!;
    for (let axis = inner - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      counter[axis] = counter[axis]! + 1;
      if (counter[axis]! < lengths[axis]!) break;
      from -= steps[axis]! * lengths[axis]!;
      counter[axis] = 0;
    }
    if (inner < 1) break;
  }
  return result;
}

/** Where the elements of some axes lie in a weight, row-major over those axes. */
export function offsets(shape: Shape, axes: readonly number[]): Float64Array {
  let found = Float64Array.of(0);
  for (const axis of axes) {
    const length = shape[axis] ?? 1;
    const stride = shape.slice(axis + 1).reduce((product, each) => product * each, 1);
    const next = new Float64Array(found.length * length);
    found.forEach((start, i) => {
      for (let j = 0; j < length; j++) next[i * length + j] = start + j * stride;
    });
    found = next;
  }
  return found;
}
