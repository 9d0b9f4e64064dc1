import type { ValueInfo } from '../core/graph.ts';

/** What an input seems to be for; decides what made-up values look like. */
export type Role = 'tokens' | 'mask' | 'segments' | 'positions' | 'rate' | 'switch' | 'image' | 'audio' | 'features' | 'text';

export interface RoleContext {
  /** How many different indices the input looks up, when it does. */
  readonly vocabulary?: number | undefined;
  /** The model is told a sample rate, so it listens. */
  readonly hearing: boolean;
}

const IS_RATE = /^(sr|sample_?rate|sampling_?rate)$/i;

/** The role by name, element type and shape, in that order of trust. */
export function guessRole(info: ValueInfo, { vocabulary, hearing }: RoleContext): Role {
  const { name, dtype, shape = [] } = info;
  if (dtype === 'string') return 'text';
  if (IS_RATE.test(name)) return 'rate';
  if (/mask/i.test(name)) return 'mask';
  if (dtype === 'bool' || /^use_|_flag$|_branch$/i.test(name)) return 'switch';
  if (dtype === 'i64' || dtype === 'i32') {
    if (/token_type|segment/i.test(name)) return 'segments';
    if (/position/i.test(name)) return 'positions';
    return vocabulary !== undefined || /ids?$|tokens?$/i.test(name) ? 'tokens' : 'switch';
  }
  if (isAudio(name, shape, hearing)) return 'audio';
  if (channelAxis(info) !== undefined) return 'image';
  return 'features';
}

export function isHearing(inputs: readonly ValueInfo[]): boolean {
  return inputs.some(({ name }) => IS_RATE.test(name));
}

/** Where an image keeps its colours: 1 for NCHW, 3 for NHWC; undefined when the shape is no image's. */
export function channelAxis({ name, shape }: ValueInfo): 1 | 3 | undefined {
  if (shape?.length !== 4 || /feat|spec|emb|hidden|state/i.test(name)) return undefined;
  const isColours = (dim: unknown) => dim === 1 || dim === 3 || dim === 4;
  const isSide = (dim: unknown) => typeof dim !== 'number' || dim >= 8;
  if (isColours(shape[1]) && isSide(shape[2]) && isSide(shape[3])) return 1;
  return isColours(shape[3]) && isSide(shape[1]) && isSide(shape[2]) ? 3 : undefined;
}

function isAudio(name: string, shape: NonNullable<ValueInfo['shape']>, hearing: boolean): boolean {
  const length = shape.at(-1);
  if (shape.length === 0 || shape.length > 3 || (typeof length === 'number' && length < 128)) return false;
  if (shape.slice(0, -1).some((dim) => typeof dim === 'number' && dim > 2)) return false;
  const said = /audio|wav|speech|pcm|sound|signal|input_values|samples/i;
  return hearing || said.test(name) || (typeof length === 'string' && said.test(length));
}
