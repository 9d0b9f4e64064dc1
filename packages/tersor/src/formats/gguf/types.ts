import { BLOCK_TYPE_IDS, BLOCK_TYPES, type BlockTypeId } from '../../core/blocks/block-types.ts';
import { BITS, type DType } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import type { BlocksLayout, DenseLayout, Layout } from '../../core/layout.ts';

/** ggml's numbers of types with a value in every element. */
const DENSE: ReadonlyMap<DType, number> = new Map([
  ['f32', 0],
  ['f16', 1],
  ['i8', 24],
  ['i16', 25],
  ['i32', 26],
  ['i64', 27],
  ['f64', 28],
  ['bf16', 30],
]);

/** Numbers that ggml gave up, and what became of them. */
const RETIRED: ReadonlyMap<number, string> = new Map([
  ...[4, 5].map((number) => [number, 'files of this kind are older than GGUF'] as const),
  ...[31, 32, 33, 36, 37, 38].map((number) => [number, 'weights arranged for one processor: runtimes do that themselves now'] as const),
]);

export interface StoredType {
  readonly layout: DenseLayout | BlocksLayout;
  /** What consumers compute with. */
  readonly dtype: DType;
  /** Values and bytes of the smallest run that is stored. */
  readonly values: number;
  readonly bytes: number;
}

const STORED: ReadonlyMap<number, StoredType> = new Map([
  ...[...DENSE].map(([dtype, number]) => [number, storedDense(dtype)] as const),
  ...BLOCK_TYPE_IDS.map((type) => [BLOCK_TYPES[type].number, storedBlocks(type)] as const),
]);

function storedDense(dtype: DType): StoredType {
  return { layout: { kind: 'dense', dtype }, dtype, values: 1, bytes: BITS[dtype] / 8 };
}

function storedBlocks(type: BlockTypeId): StoredType {
  const { values, bytes } = BLOCK_TYPES[type];
  return { layout: { kind: 'blocks', type }, dtype: 'f32', values, bytes };
}

/** @throws FILE_UNSUPPORTED */
export function typeOfNumber(number: number, where: string): StoredType {
  const found = STORED.get(number);
  if (found) return found;
  const hint = RETIRED.get(number) ?? `known are ${[...DENSE.keys(), ...BLOCK_TYPE_IDS].join(', ')}`;
  throw new TersorError('FILE_UNSUPPORTED', where, `is stored as ggml's type ${number}`, hint);
}

/** ggml's number of a layout; undefined when it has none. */
export function numberOfType(layout: Layout): number | undefined {
  if (layout.kind === 'dense') return DENSE.get(layout.dtype);
  return layout.kind === 'blocks' ? BLOCK_TYPES[layout.type].number : undefined;
}
