import { type Fields, isFields } from '../../json-file.ts';
import { awq } from './awq.ts';
import { gptq } from './gptq.ts';
import { type Scheme, unsupported } from './layer.ts';
import { wordIn } from './settings.ts';

/** In whose way layers are packed; those of AutoRound itself store zero points as they are. */
const PACKINGS = {
  'auto_round:auto_gptq': (settings) => gptq({ ...settings, checkpoint_format: 'gptq' }),
  'auto_round:gptqmodel': (settings) => gptq({ ...settings, checkpoint_format: 'gptq_v2' }),
  auto_round: (settings) => gptq({ ...settings, checkpoint_format: 'gptq_v2' }),
  'auto_round:auto_awq': (settings) => awq(settings),
} as const satisfies Record<string, (settings: Fields) => Scheme>;

const NAMES = ['auto_round:auto_gptq', 'auto_round:gptqmodel', 'auto_round', 'auto_round:auto_awq'] as const;

/**
 * AutoRound: layers in the layouts of GPTQ or AWQ.
 * Source: https://github.com/intel/auto-round, auto_round/export/export_to_autoround and auto_round_extension/torch
 */
export function autoRound(settings: Fields): Scheme {
  const { extra_config: extra } = settings;
  const others = Object.values(isFields(extra) ? extra : {}).filter((layer) => isFields(layer) && isOther(layer, settings));
  if (others.length > 0) throw unsupported('has settings of single layers ("extra_config")', 'those of all layers alike are known');
  return PACKINGS[wordIn(settings, 'packing_format', NAMES, 'auto_round:auto_gptq')](settings);
}

/** Layers of 16 bits and more are not quantized. */
function isOther(layer: Fields, settings: Fields): boolean {
  const { bits = settings.bits } = layer;
  if (typeof bits === 'number' && bits >= 16) return false;
  return ['bits', 'group_size', 'sym'].some((key) => key in layer && layer[key] !== settings[key]);
}
