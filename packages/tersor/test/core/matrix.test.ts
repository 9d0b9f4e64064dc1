import fc from 'fast-check';
import { expect, it } from 'vitest';
import { elementsOf } from '../../src/core/dtype.ts';
import { fromMatrix, permute, toMatrix } from '../../src/core/matrix.ts';

const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });

it('a matrix turns back into the weight it came from', () => {
  fc.assert(
    fc.property(shapes, fc.nat(), (shape, pick) => {
      const outputs = shape.map((_, axis) => axis).filter((axis) => (pick >> axis) & 1);
      const values = Float32Array.from({ length: elementsOf(shape) }, (_, i) => i);
      expect(fromMatrix(toMatrix(values, shape, outputs), shape, outputs)).toEqual(values);
    }),
  );
});

it('permutes as the definition says', () => {
  fc.assert(
    fc.property(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })), (shape) => {
      const values = Float32Array.from({ length: elementsOf(shape) }, (_, i) => i);
      const [a, b, c] = shape;
      const moved = permute(values, shape, [2, 0, 1]);
      for (let i = 0; i < a; i++)
        for (let j = 0; j < b; j++) for (let k = 0; k < c; k++) expect(moved[(k * a + i) * b + j]).toBe(values[(i * b + j) * c + k]);
    }),
  );
});

it('a [inputs, outputs] weight becomes [outputs, inputs]', () => {
  expect([...toMatrix(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], [1])]).toEqual([1, 4, 2, 5, 3, 6]);
});
