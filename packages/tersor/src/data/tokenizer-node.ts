import { TersorError } from '../core/error.ts';
import { readBesideModel } from './beside-model-node.ts';
import { type Encoded, encodeText, type Text, type Tokenizer } from './encode-text.ts';

/** Longer texts cost more than they tell. */
const MAX_TOKENS = 512;

/** Turns texts into what a text model takes. */
export interface TextEncoder {
  /** Where the longest text ends. */
  readonly maxTokens: number;
  /** Fills up inputs of fixed length. */
  readonly padding: number;
  /** @throws DATA_INVALID naming `where` when the tokenizer fails on it */
  encode(text: Text, max: number, where: string): Encoded;
}

const HINT =
  'put the tokenizer.json that the model was trained with beside it, or give tokens: .npz, .jsonl with the inputs by name, a JS module';

/**
 * The tokenizer beside a model. A text ends where the first of these says: the tokenizer's own truncation, `model_max_length`, sentence-transformers'
 * `max_seq_length`, the model's position embeddings, 512.
 * @throws DATA_INVALID when there is none, or it is not one that can be read
 */
export async function openTextEncoder(model: string | undefined): Promise<TextEncoder> {
  const beside = async (name: string) => (model === undefined ? undefined : await readBesideModel(model, name));
  const definition = await beside('tokenizer.json');
  if (!definition) throw new TersorError('DATA_INVALID', 'tokenizer.json', 'is needed to turn text into tokens, and is not there', HINT);
  const settings = (await beside('tokenizer_config.json')) ?? {};
  const [config = {}, sentences = {}] = [await beside('config.json'), await beside('sentence_bert_config.json')];
  const tokenizer = await load(definition, settings);
  const limits = [
    fieldOf(definition.truncation, 'max_length'),
    settings.model_max_length,
    sentences.max_seq_length,
    config.max_position_embeddings,
    config.n_positions,
  ].filter((limit): limit is number => typeof limit === 'number' && Number.isInteger(limit) && limit > 0);
  return {
    maxTokens: Math.min(MAX_TOKENS, ...limits),
    padding: paddingOf(tokenizer, definition, settings, config),
    encode(text, max, where) {
      try {
        return encodeText(tokenizer, text, max);
      } catch (error) {
        throw new TersorError('DATA_INVALID', where, `the tokenizer fails on it: ${wordsOf(error)}`, '', { cause: error });
      }
    },
  };
}

async function load(definition: Readonly<Record<string, unknown>>, settings: Readonly<Record<string, unknown>>): Promise<Tokenizer> {
  const { Tokenizer } = await import('@huggingface/tokenizers');
  try {
    return new Tokenizer(definition, settings);
  } catch (error) {
    throw new TersorError('DATA_INVALID', 'tokenizer.json', `is not a tokenizer that can be read: ${wordsOf(error)}`, HINT, {
      cause: error,
    });
  }
}

function paddingOf(
  tokenizer: Tokenizer,
  definition: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
): number {
  const token = typeof settings.pad_token === 'string' ? settings.pad_token : fieldOf(settings.pad_token, 'content');
  const id = typeof token === 'string' ? tokenizer.token_to_id(token) : undefined;
  const stated = [id, fieldOf(definition.padding, 'pad_id'), config.pad_token_id].find((known) => typeof known === 'number');
  return typeof stated === 'number' && Number.isInteger(stated) && stated >= 0 ? stated : 0;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? new Map<string, unknown>(Object.entries(value)).get(name) : undefined;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
