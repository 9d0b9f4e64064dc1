import type { Shape } from '../core/dtype.ts';

/** Whole numbers and others that describe one model, by GGUF's keys without the architecture's name: `block_count`, `attention.head_count`. */
export type Facts = ReadonlyMap<string, number>;

/** A fact, as both kinds of files call it. */
export interface Fact {
  /** In GGUF, behind the architecture's name; whole where it begins with `tokenizer.`. */
  readonly key: string;
  /** In config.json. */
  readonly config: string;
  /** What some versions of it say instead. */
  readonly alias?: string;
  readonly type: 'u32' | 'f32';
  /** What holds where config.json does not say; undefined: nothing is written then. Sees the facts before it. Absent: it has to say. */
  readonly otherwise?: (facts: Facts) => number | undefined;
  /** What config.json gives in parts of: GGUF has that part of it. Sees the facts before it. */
  readonly unit?: (facts: Facts) => number;
}

/** Lengths of axes that weights have in common. */
export interface Sizes {
  readonly layers: number;
  /** Of a token's vector. */
  readonly width: number;
  /** Of the feed-forward network. */
  readonly inner: number;
  readonly heads: number;
  readonly keyHeads: number;
  /** Of one head's vector. */
  readonly head: number;
  /** Of all heads together. */
  readonly queries: number;
  readonly keys: number;
  /** Positions. */
  readonly context: number;
  /** Kinds of tokens that an embedding tells apart; 0 where there is none. */
  readonly kinds: number;
  /** Queries, keys and values in one weight. */
  readonly fused: number;
  /** The feed-forward network's gate and values in one weight. */
  readonly gated: number;
  /** Feed-forward networks of which every token takes a few; 1 where there is only one. */
  readonly experts: number;
  /** Of one expert. */
  readonly expertInner: number;
  /** Of the expert that every token takes. */
  readonly sharedInner: number;
}

/** A weight's names in a checkpoint and in GGUF; `{}` stands for the number of the layer, `{expert}` for that of an expert: GGUF has all of them in one weight. */
export interface WeightRow {
  readonly checkpoint: string;
  readonly gguf: string;
  /** Axes, the outermost first; `vocabulary` is what the embedding has. */
  readonly shape: readonly (keyof Sizes | 'vocabulary' | 1)[];
  /** Not every model of the family has it. */
  readonly isOptional?: true;
  /** llama.cpp takes it as 32-bit floats alone. */
  readonly isWide?: true;
  /** The rows of each of so many heads change places: llama.cpp turns neighbouring pairs of a head by their position, PyTorch's code the halves of it. */
  readonly turned?: 'heads' | 'keyHeads';
  /** The checkpoint keeps `[inputs, outputs]`; `shape` is that of GGUF. */
  readonly isTransposed?: true;
  /** What GGUF's values are more than the checkpoint's. */
  readonly offset?: number;
}

/** A family of language models as data: what its weights are called, how large they are, and what describes it. One record a file. */
export interface Architecture {
  /** ggml's name of it: `general.architecture`. */
  readonly id: string;
  /** `model_type` of config.json, and the class that loads it; the first is what a checkpoint made from GGUF says. */
  readonly models: readonly { readonly type: string; readonly class: string }[];
  readonly facts: readonly Fact[];
  readonly weights: readonly WeightRow[];
  /** What every file of the family says besides, in GGUF. */
  readonly constants?: Readonly<Record<string, boolean>>;
  /** Weights of checkpoints that GGUF has no place for, because it needs none of them. */
  readonly unneeded: RegExp;
  /** What config.json must say where it says anything: models with something else compute another way. */
  readonly demands: Readonly<Record<string, unknown | ((config: Config) => unknown)>>;
  /** ggml calls another family the same, which has no experts. */
  readonly hasExperts?: true;
  /** llama.cpp divides frequencies of its positions by one list in long texts, and by another in others. */
  readonly hasLongRope?: true;
}

/** What a config.json says. */
export type Config = Readonly<Record<string, unknown>>;

/** One weight of one model in both. */
export interface Place extends Omit<WeightRow, 'shape' | 'turned'> {
  /** 0 where any length is right: the vocabulary's. */
  readonly shape: Shape;
  /** How many heads have rows that change places. */
  readonly turnedHeads?: number;
  /** Which of the experts in GGUF's weight it is. */
  readonly expert?: number;
}

/** More layers are in no model, and every one of them costs memory; so does every expert of each. */
export const MAX_LAYERS = 10_000;
const MAX_EXPERTS = 1024;
const MAX_EXPERTS_IN_ALL = 200_000;

/** Every weight that a model of these sizes may have: those of the whole, then layer by layer. */
export function placesOf({ weights }: Pick<Architecture, 'weights'>, sizes: Sizes): Place[] {
  const isInLayer = ({ checkpoint }: WeightRow) => checkpoint.includes('{}');
  const layers = Array.from({ length: Math.min(sizes.layers, MAX_LAYERS) }, (_, layer) => String(layer));
  const rows = [
    ...weights.filter((row) => !isInLayer(row)).map((row) => ({ row, layer: '' })),
    ...layers.flatMap((layer) => weights.filter(isInLayer).map((row) => ({ row, layer }))),
  ];
  return rows.flatMap(({ row: { checkpoint, gguf, shape, turned, ...rest }, layer }) => {
    const place: Place = {
      ...rest,
      checkpoint: checkpoint.replace('{}', layer),
      gguf: gguf.replace('{}', layer),
      shape: shape.map((axis) => (axis === 'vocabulary' ? 0 : axis === 1 ? 1 : sizes[axis])),
      ...(turned && { turnedHeads: sizes[turned] }),
    };
    if (!checkpoint.includes('{expert}')) return [place];
    return Array.from({ length: sizes.experts }, (_, expert) => ({
      ...place,
      checkpoint: place.checkpoint.replace('{expert}', String(expert)),
      expert,
    }));
  });
}

/** The lengths that facts imply; undefined where they are none: something is missing, fractional or not positive. */
export function sizesOf(facts: Facts): Sizes | undefined {
  const of = (key: string, otherwise = Number.NaN) => facts.get(key) ?? otherwise;
  const [layers, width, inner, heads] = ['block_count', 'embedding_length', 'feed_forward_length', 'attention.head_count'].map((key) =>
    of(key),
  );
  if (layers === undefined || width === undefined || inner === undefined || heads === undefined) return undefined;
  const keyHeads = of('attention.head_count_kv', heads);
  const head = of('attention.key_length', width / heads);
  const [context, kinds] = [of('context_length', 1), of(TOKEN_KINDS, 0)];
  const [queries, keys] = [heads * head, keyHeads * head];
  const experts = of('expert_count', 1);
  const [expertInner, sharedInner] = [of('expert_feed_forward_length', inner), of('expert_shared_feed_forward_length', inner)];
  const fused = queries + 2 * keys;
  const decoder = { layers, width, inner, heads, keyHeads, head, queries, keys, context, fused, gated: 2 * inner };
  const sizes = { ...decoder, experts, expertInner, sharedInner };
  if (experts > MAX_EXPERTS || experts * layers > MAX_EXPERTS_IN_ALL) return undefined;
  const isWhole = Object.values(sizes).every((size) => Number.isSafeInteger(size) && size > 0) && Number.isSafeInteger(kinds);
  return isWhole && layers <= MAX_LAYERS ? { ...sizes, kinds } : undefined;
}

/** Kinds of tokens: of a model, and yet called after the vocabulary. */
export const TOKEN_KINDS = 'tokenizer.ggml.token_type_count';

/** The whole key of a fact in a GGUF file. */
export function keyOf({ id }: Pick<Architecture, 'id'>, key: string): string {
  return key.startsWith('tokenizer.') ? key : `${id}.${key}`;
}
