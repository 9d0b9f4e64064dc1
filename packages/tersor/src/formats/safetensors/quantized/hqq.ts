import { decode, integersOf } from '../../../core/decode.ts';
import { denseBytes, elementsOf } from '../../../core/dtype.ts';
import { bytesOfPart, corrupt, type DecodedWeight, partOf, SCALES, type Scheme, type StoredLayer } from './layer.ts';

/** How many codes a word has, by the name of the packing. The first run of rows has the highest bits. */
const PACKINGS: Readonly<Record<string, { readonly bytes: 1 | 4; readonly bits: number; readonly count: number }>> = {
  '8bit_u8': { bytes: 1, bits: 8, count: 1 },
  '4bit_u8': { bytes: 1, bits: 4, count: 2 },
  '3bit_32': { bytes: 4, bits: 3, count: 10 },
  '2bit_u8': { bytes: 1, bits: 2, count: 4 },
  '1bit_u8': { bytes: 1, bits: 1, count: 8 },
};

/** What a layer says of itself, each in a tensor. */
const SAID = [
  'nbits',
  'group_size',
  'shape',
  'axis',
  'packing',
  'unpack_view_dtype',
  'view_as_float',
  'quant_scale',
  'quant_zero',
  'compute_dtype',
];
const ASKED = ['offload_meta', 'encoded_state_dict', 'stores_quant_config', 'channel_wise', 'optimize', 'round_zero'];

/** Names are short. */
const MAX_NAME_BYTES = 64;

/**
 * HQQ: codes of 1 to 8 bits with a scale and a zero for every group, which is no whole number. Groups are runs of the weight, or (axis 0) every so many-th value of it.
 * Source: https://github.com/mobiusml/hqq/blob/master/hqq/core/quantize.py, Quantizer.dequantize, and bitpack.py
 */
export function hqq(): Scheme {
  return { parts: ['W_q', 'scale', 'zero', ...SAID, ...ASKED], marks: ['W_q'], read };
}

async function read(layer: StoredLayer): Promise<DecodedWeight> {
  const shape = await numbersIn(layer, 'shape', 2);
  const count = elementsOf(shape);
  const [group = 0] = await numbersIn(layer, 'group_size', 1);
  const [axis = 0] = await numbersIn(layer, 'axis', 1);
  const name = await nameIn(layer, 'packing');
  const packing = Object.hasOwn(PACKINGS, name) ? PACKINGS[name] : undefined;
  const stored = layer.parts.get('W_q');
  if (!packing) throw corrupt(`${layer.name}.packing`, `is ${JSON.stringify(name)}`);
  if (axis > 1 || group === 0 || count % group !== 0 || stored?.layout.kind !== 'dense')
    throw corrupt(layer.name, `has groups of ${group} along axis ${axis}, and a shape of [${shape}]`);
  const groups = count / group;
  const [rows, columns] = axis === 1 ? [groups, group] : [group, groups];
  const words = Math.ceil(rows / packing.count);
  // what the file holds bounds what it makes up
  const size = denseBytes(stored.layout.dtype, stored.shape);
  if (size !== words * columns * packing.bytes) throw corrupt(stored.id, `has ${size} bytes for ${count} values`);
  const grouped = axis === 1 ? [groups, 1] : [1, groups];
  const [scale, zero] = [partOf(layer, 'scale', SCALES, grouped), partOf(layer, 'zero', SCALES, grouped)];
  return {
    shape,
    async values() {
      const bytes = await bytesOfPart(stored);
      const packed = packing.bytes === 1 ? bytes : new Uint32Array(bytes.slice().buffer);
      const [scales, zeros] = [decode(await scale.load()), decode(await zero.load())];
      const mask = 2 ** packing.bits - 1;
      const values = new Float32Array(count);
      for (let row = 0; row < rows; row++) {
        const shift = packing.bits * (packing.count - 1 - Math.floor(row / words));
        for (let column = 0; column < columns; column++) {
          const code = (packed[(row % words) * columns + column]! >>> shift) & mask;
          const at = axis === 1 ? row : column;
          values[row * columns + column] = Math.fround(code - zeros[at]!) * scales[at]!;
        }
      }
      return values;
    },
  };
}

/** @throws FILE_CORRUPT */
async function numbersIn(layer: StoredLayer, end: string, count: number): Promise<readonly number[]> {
  const part = partOf(layer, end, ['i32', 'i64'], count === 1 ? [] : [count]);
  const tensor = await part.load();
  const numbers = tensor.kind === 'dense' ? integersOf(tensor) : [];
  const isRight = numbers.length === count && numbers.every((value) => Number.isSafeInteger(value) && value >= 0 && value <= 2 ** 32);
  if (isRight && Number.isSafeInteger(elementsOf(numbers))) return numbers;
  throw corrupt(part.id, `says ${numbers.join()}`);
}

async function nameIn(layer: StoredLayer, end: string): Promise<string> {
  const part = partOf(layer, end, ['u8'], [0]);
  if ((part.shape[0] ?? 0) > MAX_NAME_BYTES) throw corrupt(part.id, `takes ${part.shape[0]} bytes`);
  return new TextDecoder().decode(await bytesOfPart(part));
}
