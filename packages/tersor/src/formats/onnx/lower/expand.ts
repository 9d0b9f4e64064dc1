import { elementsOf, type Shape } from '../../../core/dtype.ts';
import type { Node } from '../../../core/graph.ts';
import type { AffineLayout } from '../../../core/layout.ts';
import type { Weight } from '../../../core/model.ts';
import { type Arrangement, arrange, toFileOrder } from './arrangement.ts';
import { type Builder, type Chain, onnxType, openChain, pays } from './builder.ts';
import type { Part } from './part.ts';
import { type StoredScales, storeScales } from './scales.ts';

export type AffineWeight = Weight & { readonly layout: AffineLayout };

/** A weight that is computed from its parts when the runtime loads the model. */
export interface Expansion {
  /** Codes, zero points where there are any, scales. */
  readonly parts: readonly Part[];
  readonly codes: Part;
  readonly scales: StoredScales;
  /** Operators that give `output` the weight's values, from initializers called `names`: one for each part, in their order. */
  nodes(names: readonly string[], output: string, builder: Builder): Node[];
}

/**
 * `(codes - zero) * scale` in standard operators of operator set 7. All of it is constant, so onnxruntime folds it when it loads the
 * model, in branches too: the speed and memory of the original from a small file.
 */
export function expand({ shape, layout, dtype }: AffineWeight): Expansion {
  const arrangement = arrange(layout, shape);
  const codes = codesPart(layout, arrangement);
  const scales = storeScales(layout, arrangement.scaleShape, (values, kernels) => toFileOrder(values, arrangement, kernels));
  const zeros = layout.zero && zerosPart(layout, arrangement);
  return {
    parts: [codes, ...(zeros ? [zeros] : []), ...scales.parts],
    codes,
    scales,
    nodes: (names, output, builder) => {
      const [codesName = '', ...rest] = names;
      const chain = openChain(builder);
      let value = integers(codes, codesName, chain, builder);
      if (zeros)
        value = chain.add('Sub', [value, spread(integers(zeros, rest.shift() ?? '', chain, builder), arrangement, chain, builder)]);
      value = chain.add('Mul', [value, spread(scales.read(rest, chain), arrangement, chain, builder)]);
      if (arrangement.blocks > 1) value = chain.add('Reshape', [value, builder.integers(arrangement.shape)]);
      if (arrangement.order.some((axis, i) => axis !== i)) {
        value = chain.add('Transpose', [value], { perm: arrangement.order.map((_, axis) => arrangement.order.indexOf(axis)) });
      }
      if (dtype !== 'f32' && dtype !== 'string') chain.add('Cast', [value], { to: onnxType(dtype) });
      return chain.end(output);
    },
  };
}

/** A weight that is stored in a narrower type than it is used as. */
export function widen(name: string, output: string, dtype: Weight['dtype'], builder: Builder): Node[] {
  const chain = openChain(builder);
  chain.add('Cast', [name], { to: dtype === 'string' ? 0 : onnxType(dtype) });
  return chain.end(output);
}

/** Small non-negative integers, one a byte or packed. */
interface IntegerPart extends Part, Packing {}

/** How they are stored. */
export interface Packing {
  /** What they are once read. */
  readonly values: Shape;
  readonly bits: number;
  /** Subtracted from every code while reading. */
  readonly offset: number;
  readonly packed: boolean;
}

/** Without zero points the codes are stored around zero, so that nothing is left to subtract. */
function codesPart(layout: AffineLayout, arrangement: Arrangement): IntegerPart {
  const offset = layout.zero ? 0 : -layout.numeric.lo;
  return integerPart('q', layout.numeric.bits, offset, arrangement.codeShape, arrangement, ({ codes }) => codes);
}

function zerosPart(layout: AffineLayout, arrangement: Arrangement): IntegerPart {
  return integerPart('z', layout.numeric.bits, 0, arrangement.scaleShape, arrangement, ({ zeros }) => zeros ?? new Uint8Array());
}

function integerPart(
  suffix: string,
  bits: number,
  offset: number,
  values: Shape,
  arrangement: Arrangement,
  pick: (tensor: Parameters<Part['bytes']>[0]) => Uint8Array,
): IntegerPart {
  const count = elementsOf(values);
  const packed = (bits === 4 || bits === 2) && pays(values, bits === 4 ? 'u4' : 'u2', 'u8', 3);
  return {
    suffix,
    values,
    bits,
    offset,
    packed,
    dtype: packed || offset === 0 ? 'u8' : 'i8',
    shape: packed ? [1, Math.ceil((count * bits) / 8)] : values,
    bytes: async (tensor, kernels) => {
      const ordered = await toFileOrder(pick(tensor), arrangement, kernels);
      if (packed) return kernels.pack(ordered, bits === 4 ? 4 : 2);
      return offset === 0 ? ordered : lessOffset(ordered, offset);
    },
  };
}

/** Signed bytes around zero. Plain loops: millions of codes pass here, nearly all of them bytes whose top bit is turned, four at a time. */
function lessOffset(codes: Uint8Array, offset: number): Uint8Array {
  const signed = new Uint8Array(codes);
  const whole = offset === 128 ? Math.floor(signed.length / 4) : 0;
  const words = new Uint32Array(signed.buffer, 0, whole);
  for (let i = 0; i < whole; i++) words[i]! ^= 0x80808080;
  for (let i = whole * 4; i < signed.length; i++) signed[i]! -= offset;
  return signed;
}

/** The integers as floats. Packed ones are looked up in a table of what each byte holds: the cheapest unpacking that every runtime knows. */
export function integers({ packed, bits, offset, values }: Packing, name: string, chain: Chain, builder: Builder): string {
  if (!packed) return chain.add('Cast', [name], { to: onnxType('f32') });
  const perByte = 8 / bits;
  const held = heldBy(bits, offset);
  const table = builder.cast(builder.constant('i8', [256, perByte], new Uint8Array(held.buffer)), 'f32');
  const unpacked = chain.add('Gather', [table, chain.add('Cast', [name], { to: onnxType('i32') })]);
  const exact =
    elementsOf(values) % perByte === 0
      ? unpacked
      : withoutPadding(chain.add('Reshape', [unpacked, builder.integers([-1])]), elementsOf(values), 0, chain, builder);
  return chain.add('Reshape', [exact, builder.integers(values)]);
}

/** What each byte holds: codes of `bits`, low bits first, less `offset`. */
export function heldBy(bits: number, offset: number): Int8Array {
  const perByte = 8 / bits;
  return Int8Array.from(
    { length: 256 * perByte },
    (_, i) => ((Math.floor(i / perByte) >> ((i % perByte) * bits)) & (2 ** bits - 1)) - offset,
  );
}

/** The first `count` along an axis. */
export function withoutPadding(value: string, count: number, axis: number, chain: Chain, builder: Builder): string {
  if (builder.opset < 10) return chain.add('Slice', [value], { axes: [axis], starts: [0], ends: [count] });
  return chain.add('Slice', [value, builder.integers([0]), builder.integers([count]), ...(axis === 0 ? [] : [builder.integers([axis])])]);
}

/** One scale for every input instead of every block, where the blocks are not all of one length. */
function spread(value: string, { ragged, columns, block, blocks }: Arrangement, chain: Chain, builder: Builder): string {
  if (!ragged || blocks === 1) return value;
  const numbers = Array.from({ length: columns }, (_, column) => Math.floor(column / block));
  const narrow = blocks <= 256 && pays([columns], 'u8', 'i32');
  const index = narrow
    ? builder.cast(builder.constant('u8', [columns], Uint8Array.from(numbers)), 'i32')
    : builder.constant('i32', [columns], new Uint8Array(Int32Array.from(numbers).buffer));
  return chain.add('Gather', [value, index], { axis: 1 });
}
