import type { BlockType } from './block-type.ts';
import { K_QUANTS } from './k-quants.ts';
import { LATTICES } from './lattices.ts';
import { PLAIN } from './plain.ts';
import { TABLES } from './tables.ts';
import { TERNARY } from './ternary.ts';

/** All of ggml's block types that are found in files. */
export const BLOCK_TYPES = { ...PLAIN, ...K_QUANTS, ...TABLES, ...TERNARY, ...LATTICES } as const satisfies Record<string, BlockType>;

export type BlockTypeId = keyof typeof BLOCK_TYPES;

export const BLOCK_TYPE_IDS: readonly BlockTypeId[] = Object.keys(BLOCK_TYPES).filter(isBlockType);

function isBlockType(id: string): id is BlockTypeId {
  return Object.hasOwn(BLOCK_TYPES, id);
}
