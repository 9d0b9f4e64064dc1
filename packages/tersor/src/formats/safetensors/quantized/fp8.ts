import { decode } from '../../../core/decode.ts';
import { e4m3 } from '../../../core/float8.ts';
import type { AffineLayout } from '../../../core/layout.ts';
import type { Fields } from '../../json-file.ts';
import { spreadScales } from './block-scales.ts';
import { bytesOfPart, corrupt, dtypeOf, partOf, SCALES, type Scheme } from './layer.ts';
import { shown, wordIn } from './settings.ts';

/**
 * 8-bit floats with a scale for every rectangle, as DeepSeek-V3 and Qwen3 are published.
 * Source: https://github.com/huggingface/transformers/blob/main/src/transformers/integrations/finegrained_fp8.py
 */
export function fp8(settings: Fields): Scheme {
  wordIn(settings, 'fmt', ['e4m3'], 'e4m3');
  const said: readonly unknown[] = Array.isArray(settings.weight_block_size) ? settings.weight_block_size : [];
  const [rows = 0, columns = 0] = said.map(Number);
  if (![rows, columns].every((length) => Number.isInteger(length) && length > 0 && length <= 2 ** 24))
    throw corrupt('quantization_config', `weight_block_size is ${shown(settings.weight_block_size)}`);
  return {
    parts: ['weight', 'weight_scale_inv'],
    marks: ['weight_scale_inv'],
    async read(layer) {
      const stored = partOf(layer, 'weight', ['f8e4m3'], [0, 0]);
      const [outputs = 0, inputs = 0] = stored.shape;
      const scales = partOf(layer, 'weight_scale_inv', SCALES, [Math.ceil(outputs / rows), Math.ceil(inputs / columns)]);
      const scale = { kind: 'dense', dtype: dtypeOf(scales) } as const;
      const layout: AffineLayout = { kind: 'affine', numeric: e4m3, outputs: [0], block: columns, scale };
      return {
        shape: [outputs, inputs],
        layout,
        load: async () => ({
          codes: (await bytesOfPart(stored)).slice(),
          scales: spreadScales(decode(await scales.load()), { outputs, inputs, square: [rows, columns] }),
        }),
      };
    },
  };
}
