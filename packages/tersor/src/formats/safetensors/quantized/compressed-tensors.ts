import { decode, integersOf } from '../../../core/decode.ts';
import type { Shape } from '../../../core/dtype.ts';
import { e4m3 } from '../../../core/float8.ts';
import type { AffineLayout } from '../../../core/layout.ts';
import type { Weight } from '../../../core/model.ts';
import { e2m1 } from '../../../numeric/e2m1.ts';
import { int } from '../../../numeric/int.ts';
import { type Fields, isFields } from '../../json-file.ts';
import { spreadScales } from './block-scales.ts';
import {
  bytesOfPart,
  corrupt,
  dtypeOf,
  flipped,
  nibblesOf,
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
import { powersOf } from './mxfp4.ts';
import { fieldsIn, groupOf, shown, wordIn } from './settings.ts';
import { isTarget } from './targets.ts';

/** What one group of layers is stored as. */
interface Group {
  readonly targets: readonly string[];
  readonly format: (typeof FORMATS)[number];
  readonly bits: number;
  readonly isFloat: boolean;
  readonly isSymmetric: boolean;
  readonly strategy: (typeof STRATEGIES)[number];
  readonly block: number | 'row';
  /** Of the strategy `block`: outputs and inputs that share a scale. */
  readonly square?: readonly [number, number];
}

/** 4-bit floats: bytes of two, with a scale that is a power of two, or an 8-bit float in units of a scale of the whole weight. */
const FLOATS_4 = { 'mxfp4-pack-quantized': 32, 'nvfp4-pack-quantized': 16 } as const;

const FORMATS = [
  ...(Object.keys(FLOATS_4) as (keyof typeof FLOATS_4)[]),
  'pack-quantized',
  'int-quantized',
  'float-quantized',
  'naive-quantized',
] as const;

const STRATEGIES = ['tensor', 'channel', 'group', 'block', 'tensor_group'] as const;

/** What inputs are quantized by: of no weight. */
const OF_INPUTS = ['input_global_scale'];

/** Groups of layers that a config has. */
const MAX_GROUPS = 100;

/**
 * compressed-tensors of llm-compressor: integers packed into 32-bit words or in bytes of their own, or 8-bit floats, with a scale per tensor, row, group of inputs
 * or rectangle.
 * Source: https://github.com/vllm-project/compressed-tensors, src/compressed_tensors/compressors
 */
export function compressedTensors(settings: Fields): Scheme {
  const groups = Object.entries(fieldsIn(settings, 'config_groups')).map(([name, group]) => groupIn(name, group, settings));
  if (groups.length === 0 || groups.length > MAX_GROUPS) throw corrupt('quantization_config', `has ${groups.length} config_groups`);
  return {
    parts: [
      'weight',
      'weight_packed',
      'weight_scale',
      'weight_zero_point',
      'weight_shape',
      'weight_g_idx',
      'weight_global_scale',
      ...OF_INPUTS,
    ],
    marks: ['weight_scale', 'weight_packed'],
    read: (layer) => read(layer, groupOfLayer(layer.name, groups)),
  };
}

function groupIn(name: string, said: unknown, settings: Fields): Group {
  if (!isFields(said)) throw corrupt('quantization_config', `${name} is ${shown(said)}`);
  const weights = fieldsIn(said, 'weights');
  const format = wordIn({ format: said.format ?? settings.format }, 'format', FORMATS, 'int-quantized');
  const isFloat = wordIn(weights, 'type', ['int', 'float'], 'int') === 'float';
  const bits = weights.num_bits;
  const isKnown =
    typeof bits === 'number' &&
    (isFloat ? bits === (format in FLOATS_4 ? 4 : 8) : format === 'pack-quantized' ? [2, 3, 4, 5, 6, 7, 8].includes(bits) : bits === 8);
  if (!isKnown)
    throw unsupported(
      `${name} has ${shown(bits)} bits of ${isFloat ? 'floats' : 'integers'} as ${format}`,
      'known are integers, and floats of 4 and 8 bits',
    );
  const strategy = wordIn(weights, 'strategy', STRATEGIES, 'tensor');
  const { targets } = said;
  if (!Array.isArray(targets) || targets.length > MAX_GROUPS)
    throw corrupt('quantization_config', `targets of ${name} are ${shown(targets)}`);
  return {
    targets: targets.map(String),
    format,
    bits,
    isFloat,
    isSymmetric: weights.symmetric !== false,
    strategy,
    block: strategy === 'group' ? groupOf(weights.group_size) : 'row',
    ...(strategy === 'block' && { square: squareOf(weights.block_structure) }),
  };
}

function squareOf(said: unknown): readonly [number, number] {
  const [rows, columns] = (Array.isArray(said) ? said : String(said).split('x')).map(Number);
  const isLength = (length: number | undefined): length is number =>
    Number.isInteger(length) && Number(length) > 0 && Number(length) <= 2 ** 24;
  if (isLength(rows) && isLength(columns)) return [rows, columns];
  throw corrupt('quantization_config', `block_structure is ${shown(said)}`);
}

function groupOfLayer(name: string, groups: readonly Group[]): Group {
  const [first, ...others] = groups;
  if (first && others.length === 0) return first;
  const found = groups.find(({ targets }) => targets.some((target) => isTarget(target, name)));
  if (found) return found;
  throw corrupt(name, 'is stored as a quantized layer, and no group of quantization_config is for it');
}

async function read(layer: StoredLayer, group: Group): Promise<StoredWeight> {
  if (group.format === 'mxfp4-pack-quantized' || group.format === 'nvfp4-pack-quantized') return readFloats4(layer, group.format);
  const isPacked = group.format === 'pack-quantized';
  const shape = isPacked ? await shapeOf(layer, group) : partOf(layer, 'weight', [group.isFloat ? 'f8e4m3' : 'i8'], [0, 0]).shape;
  const [outputs = 0, inputs = 0] = shape;
  const stored = partOf(
    layer,
    isPacked ? 'weight_packed' : 'weight',
    [isPacked ? 'i32' : group.isFloat ? 'f8e4m3' : 'i8'],
    [outputs, isPacked ? wordsFor(inputs, group.bits) : inputs],
  );
  const { block, square } = group;
  const blocks = block === 'row' ? 1 : Math.ceil(inputs / block);
  const scales = scalesOf(layer, shape, group, blocks);
  const zeros = group.isSymmetric ? undefined : zerosOf(layer, group, outputs, blocks, scales);
  const index = layer.parts.has('weight_g_idx') && blocks > 1 ? partOf(layer, 'weight_g_idx', ['i32'], [inputs]) : undefined;
  const layout: AffineLayout = {
    kind: 'affine',
    numeric: group.isFloat ? e4m3 : int(group.bits),
    outputs: group.strategy === 'tensor' ? [] : [0],
    block: square ? square[1] : block,
    scale: { kind: 'dense', dtype: dtypeOf(scales) },
    ...(zeros && { zero: { kind: 'dense', dtype: group.bits === 2 ? 'u2' : group.bits === 4 ? 'u4' : 'u8' } }),
    ...(index && { order: 'index' }),
  };
  return {
    shape,
    layout,
    async load() {
      const values = decode(await scales.load());
      return {
        codes: isPacked
          ? packedCodes(await wordsOf(stored), group.bits, outputs, inputs)
          : (await bytesOfPart(stored)).map((byte) => byte ^ (group.isFloat ? 0 : 0x80)),
        scales: square ? spreadScales(values, { outputs, inputs, square }) : values,
        ...(zeros && { zeros: await zeros() }),
        ...(index && { order: await orderOf(index, blocks) }),
      };
    },
  };
}

function readFloats4(layer: StoredLayer, format: keyof typeof FLOATS_4): StoredWeight {
  const block = FLOATS_4[format];
  const stored = partOf(layer, 'weight_packed', ['u8'], [0, 0]);
  const [outputs = 0, bytes = 0] = stored.shape;
  const inputs = 2 * bytes;
  const isPower = format === 'mxfp4-pack-quantized';
  const scales = partOf(layer, 'weight_scale', isPower ? ['u8', 'f8e8m0'] : ['f8e4m3'], [outputs, Math.ceil(inputs / block)]);
  const unit = isPower
    ? undefined
    : partOf(layer, 'weight_global_scale', ['f32'], layer.parts.get('weight_global_scale')?.shape.length === 0 ? [] : [1]);
  return {
    shape: [outputs, inputs],
    layout: { kind: 'affine', numeric: e2m1, outputs: [0], block, scale: { kind: 'dense', dtype: isPower ? 'f8e8m0' : 'f8e4m3' } },
    async load() {
      const codes = nibblesOf(await bytesOfPart(stored));
      if (!unit) return { codes, scales: powersOf(await bytesOfPart(scales)) };
      const [whole = 1] = decode(await unit.load());
      return { codes, scales: decode(await scales.load()).map((scale) => scale / whole) };
    },
  };
}

/** Of a packed weight, the last word of a row may be filled in part: the shape is stored beside it. */
async function shapeOf(layer: StoredLayer, { bits }: Group): Promise<Shape> {
  const part = partOf(layer, 'weight_shape', ['i64', 'i32'], [2]);
  const tensor = await part.load();
  const shape = tensor.kind === 'dense' ? integersOf(tensor) : [];
  const packed = partOf(layer, 'weight_packed', ['i32'], [0, 0]);
  const [outputs = 0, inputs = 0] = shape;
  if (outputs !== packed.shape[0] || inputs <= 0 || wordsFor(inputs, bits) !== packed.shape[1])
    throw corrupt(part.id, `says [${shape}], and [${packed.shape}] words of ${bits} bits are stored`);
  return shape;
}

function scalesOf(layer: StoredLayer, [outputs = 0, inputs = 0]: Shape, { strategy, square }: Group, blocks: number): Weight {
  if (square) return partOf(layer, 'weight_scale', SCALES, [Math.ceil(outputs / square[0]), Math.ceil(inputs / square[1])]);
  if (strategy !== 'tensor') return partOf(layer, 'weight_scale', SCALES, [outputs, blocks]);
  return partOf(layer, 'weight_scale', SCALES, layer.parts.get('weight_scale')?.shape.length === 0 ? [] : [1]);
}

/** Zero points as codes: from the least of the grid on. */
function zerosOf(layer: StoredLayer, { format, bits }: Group, outputs: number, blocks: number, scales: Weight): () => Promise<Uint8Array> {
  if (format === 'pack-quantized' && scales.shape.length === 2) {
    const part = partOf(layer, 'weight_zero_point', ['i32'], [wordsFor(outputs, bits), blocks]);
    return async () => {
      const words = await wordsOf(part);
      const zeros = new Uint8Array(blocks * outputs);
      for (let block = 0; block < blocks; block++) unpack(words, { bits, count: outputs, at: block, step: blocks }, zeros, block * outputs);
      return flipped(zeros, blocks, outputs);
    };
  }
  const part = partOf(layer, 'weight_zero_point', ['i8'], scales.shape);
  return async () => (await bytesOfPart(part)).map((byte) => byte + 2 ** (bits - 1));
}

function packedCodes(words: Uint32Array, bits: number, outputs: number, inputs: number): Uint8Array {
  const codes = new Uint8Array(outputs * inputs);
  const step = wordsFor(inputs, bits);
  for (let row = 0; row < outputs; row++) unpack(words, { bits, count: inputs, at: row * step, step: 1 }, codes, row * inputs);
  return codes;
}
