import { decode } from '../../../core/decode.ts';
import type { AffineLayout } from '../../../core/layout.ts';
import { int } from '../../../numeric/int.ts';
import type { Fields } from '../../json-file.ts';
import {
  corrupt,
  dtypeOf,
  flipped,
  orderOf,
  partOf,
  SCALES,
  type Scheme,
  type StoredLayer,
  type StoredWeight,
  unpack,
  unsupported,
  wordsFor,
  wordsOf,
} from './layer.ts';
import { groupOf, isSet, numberIn, wordIn } from './settings.ts';

/**
 * AutoGPTQ and GPTQModel: `qweight` [inputs × bits / 32, outputs], packed along the inputs; `scales` and `qzeros` by groups of inputs; `g_idx`, which group an
 * input is of. The first version stores zero points less one, the second as they are.
 * Source: https://github.com/AutoGPTQ/AutoGPTQ/blob/main/auto_gptq/nn_modules/qlinear/qlinear_cuda.py
 */
export function gptq(settings: Fields): Scheme {
  const bits = numberIn(settings, 'bits', [2, 3, 4, 8]);
  const group = groupOf(settings.group_size);
  const isOrdered = isSet(settings, 'desc_act');
  const isSymmetric = isSet(settings, 'sym');
  const version = wordIn(settings, 'checkpoint_format', ['gptq', 'gptq_v2'], 'gptq');
  const { dynamic } = settings;
  if (typeof dynamic === 'object' && dynamic !== null && Object.keys(dynamic).length > 0)
    throw unsupported('has settings of single layers ("dynamic")', 'those of all layers alike are known');
  return {
    parts: ['qweight', 'qzeros', 'scales', 'g_idx'],
    marks: ['qweight'],
    read: async (layer) => read(layer, { bits, group, isOrdered, isSymmetric, less: version === 'gptq' ? 1 : 0 }),
  };
}

interface Settings {
  readonly bits: number;
  readonly group: number | 'row';
  readonly isOrdered: boolean;
  /** Whether all zero points are the middle. */
  readonly isSymmetric: boolean;
  /** What zero points are stored less by. */
  readonly less: number;
}

function read(layer: StoredLayer, { bits, group, isOrdered, isSymmetric, less }: Settings): StoredWeight {
  const packed = partOf(layer, 'qweight', ['i32'], [0, 0]);
  const [rows = 0, outputs = 0] = packed.shape;
  const inputs = (rows * 32) / bits;
  if (!Number.isInteger(inputs) || rows === 0 || outputs === 0)
    throw corrupt(packed.id, `[${packed.shape}] are no whole codes of ${bits} bits`);
  const block = group === 'row' ? inputs : group;
  const blocks = Math.ceil(inputs / block);
  const scales = partOf(layer, 'scales', SCALES, [blocks, outputs]);
  const zeros = partOf(layer, 'qzeros', ['i32'], [blocks, wordsFor(outputs, bits)]);
  const index = layer.parts.has('g_idx') ? partOf(layer, 'g_idx', ['i32'], [inputs]) : undefined;
  if (isOrdered && blocks > 1 && !index) throw corrupt(`${layer.name}.g_idx`, 'is missing, and desc_act is set');
  const order = isOrdered && blocks > 1 ? index : undefined;
  const layout: AffineLayout = {
    kind: 'affine',
    numeric: int(bits),
    outputs: [0],
    block: group,
    scale: { kind: 'dense', dtype: dtypeOf(scales) },
    ...(!isSymmetric && { zero: { kind: 'dense', dtype: bits === 2 ? 'u2' : bits === 4 ? 'u4' : 'u8' } }),
    ...(order && { order: 'index' }),
  };
  return {
    shape: [outputs, inputs],
    layout,
    async load() {
      const codes = new Uint8Array(outputs * inputs);
      const words = await wordsOf(packed);
      for (let row = 0; row < outputs; row++) unpack(words, { bits, count: inputs, at: row, step: outputs }, codes, row * inputs);
      if (index && !order) await mustBeNeighbours(index.id, await orderOf(index, blocks), block);
      const points = flipped(zeroPoints(await wordsOf(zeros), { bits, blocks, outputs, less }), blocks, outputs);
      if (isSymmetric) mustBeInTheMiddle(zeros.id, points, bits);
      return {
        codes,
        scales: flipped(decode(await scales.load()), blocks, outputs),
        ...(!isSymmetric && { zeros: points }),
        ...(order && { order: await orderOf(order, blocks) }),
      };
    },
  };
}

interface Zeros extends Pick<Settings, 'bits' | 'less'> {
  readonly blocks: number;
  readonly outputs: number;
}

/** One added to the largest is none, as the package's own arithmetic has it. */
function zeroPoints(words: Uint32Array, { bits, blocks, outputs, less }: Zeros): Uint8Array {
  const zeros = new Uint8Array(blocks * outputs);
  const step = wordsFor(outputs, bits);
  for (let block = 0; block < blocks; block++) unpack(words, { bits, count: outputs, at: block * step, step: 1 }, zeros, block * outputs);
  return less === 0 ? zeros : zeros.map((zero) => (zero + less) % 2 ** bits);
}

/** @throws FILE_CORRUPT */
function mustBeInTheMiddle(id: string, zeros: Uint8Array, bits: number): void {
  const wrong = zeros.find((zero) => zero !== 2 ** (bits - 1));
  if (wrong !== undefined) throw corrupt(id, `has a zero point of ${wrong}, and sym is set`);
}

/** @throws FILE_CORRUPT */
function mustBeNeighbours(id: string, order: Uint32Array, block: number): void {
  const wrong = order.findIndex((found, input) => found !== Math.floor(input / block));
  if (wrong !== -1) throw corrupt(id, `puts input ${wrong} into group ${order[wrong]}, and desc_act is not set`);
}
