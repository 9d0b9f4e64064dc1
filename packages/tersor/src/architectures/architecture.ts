import type { Shape } from '../core/dtype.ts';

/** Whole numbers and others that describe one model, by GGUF's keys without the architecture's name: `block_count`, `attention.head_count`. */
export type Facts = ReadonlyMap<string, number>;

/** A fact, as both kinds of files call it. */
export interface Fact {
  /** In GGUF, behind the architecture's name; whole where it begins with `tokenizer.`. */
  readonly key: string;
  /** In config.json. */
  readonly config: string;
  readonly type: 'u32' | 'f32';
  /** What holds where config.json does not say; undefined: nothing is written then. Sees the facts before it. Absent: it has to say. */
  readonly otherwise?: (facts: Facts) => number | undefined;
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
}

/** A weight's names in a checkpoint and in GGUF; `{}` stands for the number of the layer. */
export interface WeightRow {
  readonly checkpoint: string;
  readonly gguf: string;
  /** Axes, the outermost first; `vocabulary` is what the embedding has. */
  readonly shape: readonly (keyof Sizes | 'vocabulary')[];
  /** Not every model of the family has it. */
  readonly isOptional?: true;
  /** llama.cpp takes it as 32-bit floats alone. */
  readonly isWide?: true;
  /** The rows of each of so many heads change places: llama.cpp turns neighbouring pairs of a head by their position, PyTorch's code the halves of it. */
  readonly turned?: 'heads' | 'keyHeads';
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
  readonly demands: Readonly<Record<string, unknown>>;
}

/** One weight of one model in both. */
export interface Place extends Omit<WeightRow, 'shape' | 'turned'> {
  /** 0 where any length is right: the vocabulary's. */
  readonly shape: Shape;
  /** How many heads have rows that change places. */
  readonly turnedHeads?: number;
}

/** More layers are in no model, and every one of them costs memory. */
export const MAX_LAYERS = 10_000;

/** Every weight that a model of these sizes may have: those of the whole, then layer by layer. */
export function placesOf({ weights }: Pick<Architecture, 'weights'>, sizes: Sizes): Place[] {
  const isInLayer = ({ checkpoint }: WeightRow) => checkpoint.includes('{}');
  const layers = Array.from({ length: Math.min(sizes.layers, MAX_LAYERS) }, (_, layer) => String(layer));
  const rows = [
    ...weights.filter((row) => !isInLayer(row)).map((row) => ({ row, layer: '' })),
    ...layers.flatMap((layer) => weights.filter(isInLayer).map((row) => ({ row, layer }))),
  ];
  return rows.map(({ row: { checkpoint, gguf, shape, turned, ...rest }, layer }) => ({
    ...rest,
    checkpoint: checkpoint.replace('{}', layer),
    gguf: gguf.replace('{}', layer),
    shape: shape.map((axis) => (axis === 'vocabulary' ? 0 : sizes[axis])),
    ...(turned && { turnedHeads: sizes[turned] }),
  }));
}

/** The lengths that facts imply; undefined where they are none: something is missing, fractional or not positive. */
export function sizesOf(facts: Facts): Sizes | undefined {
  const of = (key: string, otherwise = Number.NaN) => facts.get(key) ?? otherwise;
  const [layers, width, inner, heads] = ['block_count', 'embedding_length', 'feed_forward_length', 'attention.head_count'].map((key) =>
    of(key),
  );
  if (layers === undefined || width === undefined || inner === undefined || heads === undefined) return undefined;
  const keyHeads = of('attention.head_count_kv', heads);
  const head = of('attention.key_length', of('rope.dimension_count', width / heads));
  const [context, kinds] = [of('context_length', 1), of(TOKEN_KINDS, 0)];
  const sizes = { layers, width, inner, heads, keyHeads, head, queries: heads * head, keys: keyHeads * head, context };
  const isWhole = Object.values(sizes).every((size) => Number.isSafeInteger(size) && size > 0) && Number.isSafeInteger(kinds);
  return isWhole && layers <= MAX_LAYERS ? { ...sizes, kinds } : undefined;
}

/** Kinds of tokens: of a model, and yet called after the vocabulary. */
export const TOKEN_KINDS = 'tokenizer.ggml.token_type_count';

/** The whole key of a fact in a GGUF file. */
export function keyOf({ id }: Pick<Architecture, 'id'>, key: string): string {
  return key.startsWith('tokenizer.') ? key : `${id}.${key}`;
}
