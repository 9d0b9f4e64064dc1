import type { Node } from '../../../core/graph.ts';
import { type CodebookLayout, indexBits, matrixOf } from '../../../core/layout.ts';
import { inputAxes } from '../../../core/matrix.ts';
import type { Weight } from '../../../core/model.ts';
import type { CodebookTensor } from '../../../core/tensor.ts';
import { type Builder, onnxType, openChain, pays } from './builder.ts';
import { integers, type Packing, withoutPadding } from './expand.ts';
import { floatBytes, type Part } from './part.ts';
import { storeScales } from './scales.ts';

export type CodebookWeight = Weight & { readonly layout: CodebookLayout };

/** As `expand`, of vectors: entries are looked up by their indices, summed over the books, and scaled. Everything lies output by output until it is transposed. */
export function expandCodebook({ shape, layout, dtype }: CodebookWeight): {
  readonly parts: readonly Part<CodebookTensor>[];
  nodes(names: readonly string[], output: string, builder: Builder): Node[];
} {
  const { rows, columns } = matrixOf({ ...layout, block: 'row' }, shape);
  const vectors = Math.ceil(columns / layout.vector);
  const order = [...layout.outputs, ...inputAxes(shape, layout.outputs)];
  const indices = Array.from({ length: layout.books }, (_, book) => indicesPart(layout, rows, vectors, book));
  const books: Part<CodebookTensor>[] = indices.map((_, book) => ({
    suffix: `b${book}`,
    dtype: 'f16',
    shape: [layout.entries, layout.vector],
    bytes: (tensor, kernels) => floatBytes(ofBook(tensor.books, layout.books, book), 'f16', kernels),
  }));
  const scales = storeScales({ scale: { kind: 'dense', dtype: 'f16' } }, [rows, 1], async (values) => values);
  return {
    parts: [...indices, ...books, ...scales.parts],
    nodes: (names, output, builder) => {
      const chain = openChain(builder);
      const entries = indices.map((part, book) => {
        const index = part.packed
          ? chain.add('Cast', [integers(part, names[book] ?? '', chain, builder)], { to: onnxType('i32') })
          : chain.add('Cast', [names[book] ?? ''], { to: onnxType('i32') });
        const values = chain.add('Cast', [names[layout.books + book] ?? ''], { to: onnxType('f32') });
        return chain.add('Gather', [values, index]);
      });
      const [first = '', second] = entries;
      const sum = second === undefined ? first : chain.add('Add', [first, second]);
      let value = chain.add('Reshape', [sum, builder.integers([rows, vectors * layout.vector])]);
      if (vectors * layout.vector > columns) value = withoutPadding(value, columns, 1, chain, builder);
      value = chain.add('Mul', [value, scales.read(names.slice(2 * layout.books), chain)]);
      value = chain.add('Reshape', [value, builder.integers(order.map((axis) => shape[axis] ?? 1))]);
      if (order.some((axis, i) => axis !== i)) {
        value = chain.add('Transpose', [value], { perm: order.map((_, axis) => order.indexOf(axis)) });
      }
      if (dtype !== 'f32' && dtype !== 'string') chain.add('Cast', [value], { to: onnxType(dtype) });
      return chain.end(output);
    },
  };
}

/** Packed where that pays. */
function indicesPart(layout: CodebookLayout, rows: number, vectors: number, book: number): Part<CodebookTensor> & Packing {
  const bits = indexBits(layout);
  const values = [rows, vectors];
  const packed = bits !== 8 && pays(values, bits === 4 ? 'u4' : 'u2', 'u8', 4);
  return {
    suffix: `i${book}`,
    values,
    bits,
    offset: 0,
    packed,
    dtype: 'u8',
    shape: packed ? [1, Math.ceil((rows * vectors * bits) / 8)] : values,
    bytes: async ({ indices }, kernels) => {
      const own = ofBook(indices, layout.books, book);
      return packed ? kernels.pack(own, bits === 4 ? 4 : 2) : own;
    },
  };
}

function ofBook<T extends Uint8Array | Float32Array>(all: T, books: number, book: number): T {
  const length = all.length / books;
  return all.subarray(book * length, (book + 1) * length) as T;
}
