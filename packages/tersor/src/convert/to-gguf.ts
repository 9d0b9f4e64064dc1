import { type Architecture, type Facts, keyOf, MAX_LAYERS, type Place, placesOf, sizesOf } from '../architectures/architecture.ts';
import { architectureOfConfig, factsOfConfig } from '../architectures/architectures.ts';
import { denseOf } from '../core/decode.ts';
import type { Shape } from '../core/dtype.ts';
import { TersorError } from '../core/error.ts';
import { groupBy } from '../core/group-by.ts';
import type { Kernels } from '../core/kernels.ts';
import type { Model, Weight } from '../core/model.ts';
import type { GgufMeta } from '../formats/gguf/meta.ts';
import type { Entry } from '../formats/gguf/metadata.ts';
import { scalar } from '../formats/gguf/values.ts';
import { type TokenizerFiles, vocabularyOf } from '../formats/gguf/vocabulary.ts';
import { type Fields, isFields } from '../formats/json-file.ts';
import { cast } from './cast.ts';
import type { Checkpoint, CheckpointWeight } from './checkpoint.ts';
import type { Converted } from './converted.ts';
import { inExactBlocks } from './exact-blocks.ts';
import { fits, pairNames } from './pair-names.ts';
import { frequencyFactors, ropeEntries, ropeOf } from './rope.ts';
import { turned } from './rows.ts';
import { stacked } from './stack.ts';
import { transposed } from './transposed.ts';
import { floats, plus } from './values.ts';

/** What lies beside a checkpoint and says what it is. */
export interface Described extends TokenizerFiles {
  /** config.json */
  readonly config: Fields;
  /** The model's name, for people. */
  readonly name: string;
  /** How embeddings of tokens become one: llama.cpp's number. */
  readonly pooling?: number;
}

/** llama.cpp's numbers of what most weights are. */
const FILE_TYPES: Readonly<Record<string, number>> = { f32: 0, f16: 1, bf16: 32, Q4_0: 2 };

/** Versions of ggml's block types so far. */
const QUANTIZATION_VERSION = 2;

/**
 * A checkpoint as llama.cpp has it: its names and order of rows, norms and biases in 32-bit floats, and all the metadata that it takes to run it. Weights that
 * are stored in codes are decoded, but for those that ggml has a block type of. Loads no weight.
 * @throws FILE_UNSUPPORTED for a family or tokenizer that is not known, FILE_CORRUPT, SHAPE where weights and config.json contradict each other
 */
export function toGguf(checkpoint: Checkpoint, described: Described, kernels: Kernels): Converted {
  const config = plain(described.config);
  const architecture = architectureOfConfig(config, 'config.json');
  const facts = factsOfConfig(architecture, config, 'config.json');
  const sizes = sizesOf(facts);
  if (!sizes)
    throw new TersorError(
      'FILE_CORRUPT',
      'config.json',
      'its sizes do not go together',
      `heads divide the width, and there are at most ${MAX_LAYERS} layers`,
    );
  const { placed, leftOut } = place(checkpoint, placesOf(architecture, sizes), architecture, config);
  const weights = [...groupBy(placed, ({ place }) => place.gguf).values()].map((same) => together(same, kernels));
  const rope = ropeOf(config, architecture);
  if (rope?.type === 'llama3') weights.push(factors('freqs', frequencyFactors(rope, sizes.head, facts.get('rope.freq_base') ?? 0)));
  if (rope?.type === 'longrope') weights.push(factors('factors_long', rope.long), factors('factors_short', rope.short));
  const metadata = metadataOf(architecture, { facts, weights, described, rope });
  const format: GgufMeta = { parts: [{ version: 3, alignment: 32, metadata, weights: [] }] };
  const model: Model = {
    format: 'gguf',
    meta: { properties: new Map([...metadata].map(([key, { text }]) => [key, text])), producer: architecture.id, format },
    weights: new Map(weights.map((weight) => [weight.id, weight])),
    execution: new Map(),
  };
  // of experts, the first
  const origins = new Map(placed.toReversed().map(({ place, weight }) => [place.gguf, weight.origin]));
  return { model, origins, leftOut: [...leftOut, ...checkpoint.leftOut], architecture: architecture.id };
}

/** Later versions of config.json keep what concerns positions in an object of its own. */
function plain(config: Fields): Fields {
  const { rope_parameters: said } = config;
  if (!isFields(said)) return config;
  const { full_attention: full, sliding_attention: sliding } = said;
  // Gemma 3 turns positions in two ways
  const rope = isFields(full) ? full : said;
  const local = isFields(sliding) ? { rope_local_base_freq: sliding.rope_theta } : {};
  return { ...config, rope_scaling: rope, ...rope, ...local };
}

interface Placed {
  readonly place: Place;
  readonly weight: CheckpointWeight;
}

/** @throws FILE_CORRUPT, FILE_UNSUPPORTED, SHAPE */
function place(checkpoint: Checkpoint, places: readonly Place[], { id, unneeded }: Architecture, config: Fields) {
  const { weights } = checkpoint;
  const isTied = config.tie_word_embeddings === true;
  const pairs = pairNames(
    places.map((place) => ({ name: place.checkpoint, shape: shapeThere(place) })),
    [...weights.values()].map(({ id: name, shape }) => ({ name, shape })),
  );
  const placed: Placed[] = [];
  for (const each of places) {
    const weight = weights.get(pairs.get(each.checkpoint) ?? '');
    const isOutput = each.gguf === 'output.weight';
    if (!weight) {
      const isNeeded = isOutput ? config.tie_word_embeddings === false : !each.isOptional;
      if (isNeeded) throw new TersorError('FILE_CORRUPT', each.checkpoint, 'is not in the checkpoint', 'fetch all of its files');
      continue;
    }
    if (!fits(shapeThere(each), weight.shape)) {
      const shape = shapeThere(each)
        .map((length) => length || 'tokens')
        .join(',');
      throw new TersorError(
        'SHAPE',
        weight.id,
        `[${weight.shape}], and config.json makes it [${shape}]`,
        'is it the config.json of this checkpoint?',
      );
    }
    if (!(isOutput && isTied)) placed.push({ place: each, weight });
  }
  const taken = new Set(placed.map(({ weight }) => weight.id));
  const others = [...weights.values()].filter(({ id: name }) => !taken.has(name));
  const unknown = others.filter(({ id: name }) => !unneeded.test(name) && name !== pairs.get('lm_head.weight'));
  // of a graph, constants of operators are left over; of a checkpoint, nothing is
  if (unknown.length > 0 && checkpoint.leftOut.length === 0) {
    const [first] = unknown;
    const more = unknown.length > 1 ? `, nor for ${unknown.length - 1} more` : '';
    throw new TersorError(
      'FILE_UNSUPPORTED',
      first?.id ?? '',
      `a ${id} in GGUF has no place for it${more}`,
      'is model_type of config.json right?',
    );
  }
  return { placed, leftOut: others.map(({ origin }) => origin) };
}

/** In a checkpoint. */
function shapeThere({ shape, isTransposed }: Place): Shape {
  return isTransposed ? shape.toReversed() : shape;
}

/** What has one place in GGUF: a weight, or the experts of a layer. */
function together(placed: readonly Placed[], kernels: Kernels): Weight {
  const [first, ...others] = placed.map(({ place, weight }) => stored(weight, place, kernels));
  if (!first) throw new TersorError('INTERNAL', 'a place', 'has no weight');
  if (placed[0]?.place.expert === undefined) return first;
  const isOfOneKind = others.every(({ layout }) => JSON.stringify(layout) === JSON.stringify(first.layout));
  return stacked(isOfOneKind ? [first, ...others] : [floats(first), ...others.map(floats)], first.id);
}

function stored(weight: CheckpointWeight, { gguf, turnedHeads, isWide, isTransposed, offset }: Place, kernels: Kernels): Weight {
  const { origin: _, ...asItWas } = weight;
  const plainWeight = isTransposed ? transposed(asItWas) : asItWas;
  const { layout, shape } = plainWeight;
  if (offset !== undefined) return { ...plus(plainWeight, offset), id: gguf };
  const blocks = inExactBlocks(plainWeight);
  if (blocks) return turnedHeads === undefined ? { ...blocks, id: gguf } : turned({ ...blocks, id: gguf }, turnedHeads, 'to-gguf');
  // llama.cpp adds and multiplies norms and biases as 32-bit floats only
  const dtype =
    layout.kind === 'dense' && shape.length > 1 && !isWide && (layout.dtype === 'f16' || layout.dtype === 'bf16') ? layout.dtype : 'f32';
  const values = { ...cast(plainWeight, dtype, kernels), id: gguf };
  return turnedHeads === undefined ? values : turned(values, turnedHeads, 'to-gguf');
}

function factors(name: string, values: Float32Array): Weight {
  const shape = [values.length];
  return {
    id: `rope_${name}.weight`,
    shape,
    dtype: 'f32',
    layout: { kind: 'dense', dtype: 'f32' },
    load: async () => denseOf(values, shape),
  };
}

interface About {
  readonly facts: Facts;
  readonly weights: readonly Weight[];
  readonly described: Described;
  readonly rope: ReturnType<typeof ropeOf>;
}

function metadataOf(architecture: Architecture, { facts, weights, described, rope }: About): ReadonlyMap<string, Entry> {
  const { id, constants = {} } = architecture;
  const [embedding, ...others] = weights;
  const tokens = embedding?.shape[0] ?? 0;
  const output = others.find((weight) => weight.id === 'output.weight');
  for (const [what, rowsThere] of [
    ['config.json', facts.get('vocab_size')],
    [output?.id, output?.shape[0]],
  ] as const) {
    if (rowsThere !== undefined && rowsThere !== tokens)
      throw new TersorError(
        'SHAPE',
        'token_embd.weight',
        `has ${tokens} tokens, and ${what} has ${rowsThere}`,
        'is it the config.json of this checkpoint?',
      );
  }
  const hasBlocks = weights.some(({ layout }) => layout.kind === 'blocks');
  const entries: [string, Entry][] = [
    ['general.architecture', scalar('string', id)],
    ['general.type', scalar('string', 'model')],
    ['general.name', scalar('string', described.name)],
    ['general.file_type', scalar('u32', FILE_TYPES[hasBlocks ? 'Q4_0' : (embedding?.dtype ?? 'f32')] ?? 0)],
    ...(hasBlocks ? [['general.quantization_version', scalar('u32', QUANTIZATION_VERSION)] as [string, Entry]] : []),
    ...architecture.facts.flatMap(({ key, type }): [string, Entry][] => {
      const value = facts.get(key);
      return value === undefined ? [] : [[keyOf(architecture, key), scalar(type, value)]];
    }),
    ...Object.entries(constants).map(([key, value]): [string, Entry] => [`${id}.${key}`, scalar('bool', value)]),
    ...(described.pooling === undefined ? [] : [[`${id}.pooling_type`, scalar('u32', described.pooling)] as [string, Entry]]),
    ...ropeEntries(rope).map(([key, entry]): [string, Entry] => [`${id}.${key}`, entry]),
    ...vocabularyOf(described, tokens),
  ];
  return new Map(entries);
}
