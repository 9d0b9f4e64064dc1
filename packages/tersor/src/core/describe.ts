import type { Layout } from './layout.ts';

/** A layout in words, for reports: "f32", "int8 per row, f16 scales", "uint4 in blocks of 32, f16 scales", "Q4_K". */
export function describe(layout: Layout): string {
  switch (layout.kind) {
    case 'dense':
      return layout.dtype;
    case 'blocks':
      return layout.type;
    case 'levels':
      return `levels, a step per output${layout.inputSteps ? ' and input' : ''}`;
    case 'codebook':
      return `${layout.books === 2 ? 'two books' : 'a book'} of ${layout.entries} ${layout.vector === 1 ? 'values' : `vectors of ${layout.vector}`}, a scale per output`;
    case 'sparse':
      return `${layout.values.dtype}, ${layout.nonzero} values`;
    case 'affine': {
      const grouping = layout.block === 'row' ? (layout.outputs.length === 0 ? 'per tensor' : 'per row') : `in blocks of ${layout.block}`;
      const { numeric } = layout;
      const name = numeric.values ? numeric.id : `${layout.zero ? 'uint' : 'int'}${numeric.bits}`;
      return `${name} ${grouping}${layout.order ? ' of any inputs' : ''}, ${layout.scale.dtype} scales`;
    }
  }
}
