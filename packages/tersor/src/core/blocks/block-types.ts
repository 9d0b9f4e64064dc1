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

/** Those that weights can be rounded to. */
export const WRITABLE_BLOCKS = [
  'Q8_0',
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
  'Q2_K',
  'Q3_K',
  'Q4_K',
  'Q5_K',
  'Q6_K',
  'IQ4_NL',
  'IQ4_XS',
  'MXFP4',
  'TQ1_0',
  'TQ2_0',
  'IQ3_S',
  'IQ3_XXS',
  'IQ2_S',
  'IQ2_XS',
  'IQ2_XXS',
  'IQ1_M',
  'IQ1_S',
] as const satisfies readonly BlockTypeId[];

export type WritableBlock = (typeof WRITABLE_BLOCKS)[number];

function isBlockType(id: string): id is BlockTypeId {
  return Object.hasOwn(BLOCK_TYPES, id);
}
