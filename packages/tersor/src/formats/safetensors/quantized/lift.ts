import { denseOf } from '../../../core/decode.ts';
import { isFloat } from '../../../core/dtype.ts';
import type { WeightId } from '../../../core/graph.ts';
import type { Weight } from '../../../core/model.ts';
import type { Store } from '../../../core/source.ts';
import { type Fields, isFields, readJson } from '../../json-file.ts';
import { autoRound } from './auto-round.ts';
import { awq } from './awq.ts';
import { bitsandbytes } from './bitsandbytes.ts';
import { compressedTensors } from './compressed-tensors.ts';
import { fp8 } from './fp8.ts';
import { gptq } from './gptq.ts';
import { hqq } from './hqq.ts';
import { corrupt, type DecodedWeight, type Scheme, type StoredWeight, unsupported } from './layer.ts';
import { mxfp4 } from './mxfp4.ts';
import { shown } from './settings.ts';

/** By `quant_method` of quantization_config. */
const SCHEMES: Readonly<Record<string, (settings: Fields) => Scheme>> = {
  gptq,
  awq,
  'auto-round': autoRound,
  bitsandbytes,
  'compressed-tensors': compressedTensors,
  fp8,
  hqq,
  mxfp4,
};

/** What parts of quantized layers are called, of whatever kind. */
const MARKS = ['.qweight', '.qzeros', '.weight_packed', '.weight_scale', '.weight_scale_inv', '.SCB', '.weight.quant_map'];

/** Weights in place of the parts that store them. */
export interface LiftedWeights {
  readonly weights: ReadonlyMap<WeightId, Weight>;
  /** The weight that each part belongs to. */
  readonly owners: ReadonlyMap<WeightId, WeightId>;
}

/**
 * The weights of quantized layers, in the layouts that they are stored in; everything else as it is. Loads no weight, but what says the shape of one.
 * @param settings  quantization_config of config.json
 * @throws FILE_UNSUPPORTED for ways that are not known, FILE_CORRUPT where settings and parts contradict each other
 */
export async function liftQuantized(weights: ReadonlyMap<WeightId, Weight>, settings: Fields): Promise<LiftedWeights> {
  const scheme = schemeOf(settings);
  const layers = layersOf(weights, scheme);
  if (layers.size === 0) {
    // a plain copy of the weights may lie beside the config of the quantized ones
    const other = [...weights.keys()].find((id) => MARKS.some((mark) => id.endsWith(mark)));
    if (other !== undefined)
      throw corrupt(
        other,
        `is a part of a quantized layer, and not of the kind that quantization_config says: ${shown(settings.quant_method)}`,
      );
  }
  const [lifted, owners] = [new Map<WeightId, Weight>(), new Map<WeightId, WeightId>()];
  for (const [name, parts] of layers) {
    const id = scheme.separator ? name : `${name}.weight`;
    lifted.set(id, weightOf(id, await scheme.read({ name, parts })));
    for (const part of parts.values()) owners.set(part.id, id);
  }
  const all = new Map<WeightId, Weight>();
  for (const weight of weights.values()) {
    const owner = owners.get(weight.id);
    const present = owner === undefined ? weight : lifted.get(owner);
    if (present) all.set(present.id, present);
  }
  return { weights: all, owners };
}

function weightOf(id: WeightId, read: StoredWeight | DecodedWeight): Weight {
  const { shape } = read;
  if ('values' in read) {
    const layout = { kind: 'dense', dtype: 'f32' } as const;
    return { id, shape, dtype: 'f32', layout, load: async () => denseOf(await read.values(), shape) };
  }
  const { layout, load } = read;
  const { dtype: stored } = layout.scale;
  const dtype = isFloat(stored) ? stored : 'f32';
  return { id, shape, dtype, layout, load: async () => ({ kind: 'affine', shape, layout, ...(await load()) }) };
}

/** The names of what is quantized are those of modules, so that a name ends a part at one place alone. */
function layersOf(weights: ReadonlyMap<WeightId, Weight>, { parts, marks, separator }: Scheme): Map<string, Map<string, Weight>> {
  const moduleOf = (id: WeightId, end: string) => (id.endsWith(`${separator ?? '.'}${end}`) ? id.slice(0, -end.length - 1) : undefined);
  const marked = new Set([...weights.keys()].flatMap((id) => marks.flatMap((end) => moduleOf(id, end) ?? [])));
  const layers = new Map<string, Map<string, Weight>>();
  for (const weight of weights.values()) {
    for (const end of parts) {
      const module = moduleOf(weight.id, end);
      if (module === undefined || !marked.has(module)) continue;
      layers.set(module, (layers.get(module) ?? new Map<string, Weight>()).set(end, weight));
      break;
    }
  }
  return layers;
}

/** @throws FILE_UNSUPPORTED, FILE_CORRUPT */
function schemeOf(settings: Fields): Scheme {
  const { quant_method: said } = settings;
  const method = said ?? (settings.load_in_4bit === true || settings.load_in_8bit === true ? 'bitsandbytes' : undefined);
  const make = typeof method === 'string' && Object.hasOwn(SCHEMES, method) ? SCHEMES[method] : undefined;
  if (make) return make(settings);
  throw unsupported(`quant_method is ${shown(method)}`, `known are ${Object.keys(SCHEMES).join(', ')}`);
}

/**
 * What lies beside a checkpoint about how its layers are quantized: quantization_config of config.json, or what AutoGPTQ wrote before there was one. Undefined where
 * nothing does; a config.json that cannot be read is another's to report.
 * @throws FILE_CORRUPT
 */
export async function settingsBeside(store: Store): Promise<Fields | undefined> {
  const config = await readJson(store, 'config.json').catch(() => undefined);
  const settings = config?.quantization_config ?? config?.compression_config;
  if (settings !== undefined && settings !== null) {
    if (isFields(settings)) return settings;
    throw corrupt('config.json', `quantization_config is ${shown(settings)}`);
  }
  const earlier = await readJson(store, 'quantize_config.json').catch(() => undefined);
  return earlier && { quant_method: 'gptq', ...earlier };
}
