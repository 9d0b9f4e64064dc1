import type { WritableBlock } from '../../packages/tersor/src/core/blocks/block-types.ts';
import { BLOCK_TYPES } from '../../packages/tersor/src/core/blocks/block-types.ts';
import type { BlockSearch } from '../../packages/tersor/src/core/kernels.ts';
import type { Model } from '../../packages/tersor/src/core/model.ts';
import { openKernels } from '../../packages/tersor/src/kernels/open-kernels.ts';
import { isBlocks, type MixId, typeForShortBlocks, typesOfMix } from '../../packages/tersor/src/methods/ggml-mixes.ts';
import { digestOf } from '../cache.ts';
import { gaussian } from './timed-model.ts';

const COLUMNS = 256;
const ROWS = 128;

/** Which types a mix gives to which weights of `model`, and what these types make of a sample: what was measured with the same holds as long as this does. */
export async function openBehaviours(
  model: Model,
): Promise<(type: MixId | 'MXFP4', imatrix: boolean, search: BlockSearch) => Promise<string>> {
  const kernels = await openKernels({ threads: 0 });
  // normal values, and some with long tails
  const values = gaussian(COLUMNS * ROWS, 1).map((value, i) => (i & 1024 ? value : 8 * value ** 3));
  const importance = gaussian(COLUMNS, 2).map((value) => value * value);
  const sample = async (type: WritableBlock, imatrix: boolean, search: BlockSearch) => {
    const bytes = await kernels.quantizeBlocks(values, type, { search, ...(imatrix && { importance }) });
    return [type, BLOCK_TYPES[type].bytes, digestOf(bytes)];
  };
  return async (type, imatrix, search) => {
    const types = type === 'MXFP4' ? new Map([['', type]] as const) : typesOfMix(type, model, imatrix);
    const blocks = [...new Set(types.values())].filter(isBlocks);
    const used = new Set(blocks.flatMap((block) => [block, typeForShortBlocks(block, search) ?? block]));
    const samples = await Promise.all([...used].map((block) => sample(block, imatrix, search)));
    const shortened = blocks.map((block) => typeForShortBlocks(block, search));
    return digestOf(JSON.stringify([[...types], shortened, samples]));
  };
}
