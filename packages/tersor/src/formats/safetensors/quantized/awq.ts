import { decode } from '../../../core/decode.ts';
import type { AffineLayout } from '../../../core/layout.ts';
import { int } from '../../../numeric/int.ts';
import type { Fields } from '../../json-file.ts';
import { corrupt, dtypeOf, flipped, partOf, SCALES, type Scheme, type StoredLayer, type StoredWeight, wordsOf } from './layer.ts';
import { groupOf, numberIn, wordIn } from './settings.ts';

/** Which of eight neighbouring outputs each four bits of a word are of, the low ones first. */
const ORDER = [0, 2, 4, 6, 1, 3, 5, 7];

const PER_WORD = ORDER.length;

/**
 * AutoAWQ's layout for matrix products: `qweight` [inputs, outputs / 8], packed along the outputs in an order of its own; `scales` and `qzeros` by groups of inputs.
 * Source: https://github.com/casper-hansen/AutoAWQ/blob/main/awq/utils/packing_utils.py
 */
export function awq(settings: Fields): Scheme {
  numberIn({ bits: settings.bits ?? settings.w_bit }, 'bits', [4]);
  const group = groupOf(settings.group_size ?? settings.q_group_size);
  wordIn(settings, 'version', ['gemm'], 'gemm');
  return {
    parts: ['qweight', 'qzeros', 'scales'],
    marks: ['qweight'],
    read: async (layer) => read(layer, group),
  };
}

function read(layer: StoredLayer, group: number | 'row'): StoredWeight {
  const packed = partOf(layer, 'qweight', ['i32'], [0, 0]);
  const [inputs = 0, words = 0] = packed.shape;
  const outputs = words * PER_WORD;
  const block = group === 'row' ? inputs : group;
  if (inputs === 0 || outputs === 0) throw corrupt(packed.id, `[${packed.shape}] holds nothing`);
  const blocks = Math.ceil(inputs / block);
  const scales = partOf(layer, 'scales', SCALES, [blocks, outputs]);
  const zeros = partOf(layer, 'qzeros', ['i32'], [blocks, words]);
  const layout: AffineLayout = {
    kind: 'affine',
    numeric: int(4),
    outputs: [0],
    block: group,
    scale: { kind: 'dense', dtype: dtypeOf(scales) },
    zero: { kind: 'dense', dtype: 'u4' },
  };
  return {
    shape: [outputs, inputs],
    layout,
    load: async () => ({
      codes: flipped(unpackRows(await wordsOf(packed)), inputs, outputs),
      scales: flipped(decode(await scales.load()), blocks, outputs),
      zeros: flipped(unpackRows(await wordsOf(zeros)), blocks, outputs),
    }),
  };
}

function unpackRows(words: Uint32Array): Uint8Array {
  const codes = new Uint8Array(words.length * PER_WORD);
  words.forEach((word, i) => {
    ORDER.forEach((place, nibble) => {
      codes[i * PER_WORD + place] = (word >>> (4 * nibble)) & 15;
    });
  });
  return codes;
}
