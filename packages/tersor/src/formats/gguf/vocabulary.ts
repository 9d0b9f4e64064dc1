import { TersorError } from '../../core/error.ts';
import { type Fields, isFields } from '../json-file.ts';
import { MAX_TEXTS } from './limits.ts';
import type { Entry } from './metadata.ts';
import { nameOfPreTokenizer, PRE_TOKENIZER_IDS } from './pre-tokenizers.ts';
import { numbers, scalar, texts } from './values.ts';

/** The files of a Hugging Face folder that say how text becomes tokens. */
export interface TokenizerFiles {
  /** tokenizer.json */
  readonly tokenizer: Fields;
  /** tokenizer_config.json */
  readonly settings: Fields;
  /** chat_template.jinja */
  readonly template?: string;
  /** config.json and generation_config.json: numbers of special tokens. */
  readonly configs: readonly Fields[];
}

/** ggml's kinds of tokens. */
export const KIND = { normal: 1, unknown: 2, control: 3, own: 4, unused: 5, byte: 6 } as const;

/** Special tokens, as llama.cpp and as Hugging Face call them. */
export const SPECIAL = [
  ['bos', 'bos'],
  ['eos', 'eos'],
  ['unknown', 'unk'],
  ['seperator', 'sep'],
  ['padding', 'pad'],
  ['cls', 'cls'],
  ['mask', 'mask'],
] as const;

/**
 * The metadata `tokenizer.*` of a GGUF file.
 * @param size  rows of the embedding; numbers without a token get one that is never used
 * @throws FILE_UNSUPPORTED for tokenizers that llama.cpp has no equal of, FILE_CORRUPT, FILE_LIMIT
 */
export function vocabularyOf(files: TokenizerFiles, size: number): ReadonlyMap<string, Entry> {
  if (size > MAX_TEXTS) throw new TersorError('FILE_LIMIT', 'tokenizer.json', `${size} tokens`, `at most ${MAX_TEXTS} are read`);
  const model = isFields(files.tokenizer.model) ? files.tokenizer.model : {};
  if (model.type === 'WordPiece') return ofWordPiece(files, model, size);
  if (model.type !== 'BPE' && !(model.type === undefined && 'merges' in model)) {
    throw unsupported(
      model.type === undefined ? 'says no type of its model' : `is of type ${JSON.stringify(model.type).slice(0, 40)}`,
      'known are WordPiece, and BPE of bytes or with bytes to fall back to',
    );
  }
  const vocabulary = readVocabulary(model, files.tokenizer, size);
  const merges = readMerges(model);
  const entries = new Map<string, Entry>();
  const put = (key: string, entry: Entry) => void entries.set(`tokenizer.${key}`, entry);
  if (isByteLevel(files.tokenizer)) {
    put('ggml.model', scalar('string', 'gpt2'));
    put('ggml.pre', scalar('string', preTokenizerOf(files.tokenizer, model)));
    putTokens(put, vocabulary);
    put('ggml.merges', texts(merges.map((pair) => pair.join(' '))));
  } else if (model.byte_fallback === true) {
    put('ggml.model', scalar('string', 'llama'));
    put('ggml.pre', scalar('string', 'default'));
    putTokens(put, { ...vocabulary, kinds: vocabulary.tokens.map((token, i) => kindInWords(token, vocabulary.kinds[i] ?? KIND.normal)) });
    put('ggml.scores', numbers('f32', scoresOf(vocabulary.tokens, merges)));
    put('ggml.add_space_prefix', scalar('bool', addsSpace(files.tokenizer)));
  } else throw unsupported('has neither tokens of bytes nor bytes to fall back to', 'llama.cpp knows no such BPE');
  putSpecial(put, files, vocabulary.tokens);
  return entries;
}

/** llama.cpp marks the beginning of a word, where BERT marks what continues one. */
function ofWordPiece(files: TokenizerFiles, model: Fields, size: number): ReadonlyMap<string, Entry> {
  const { normalizer } = files.tokenizer;
  const isPlain =
    isFields(normalizer) && normalizer.type === 'BertNormalizer' && normalizer.lowercase === true && normalizer.strip_accents !== false;
  if (!isPlain) throw unsupported('keeps capitals or accents', 'llama.cpp knows WordPiece without them alone');
  const { tokens, kinds } = readVocabulary(model, files.tokenizer, size);
  const entries = new Map<string, Entry>();
  const put: Put = (key, entry) => void entries.set(`tokenizer.${key}`, entry);
  put('ggml.model', scalar('string', 'bert'));
  put('ggml.pre', scalar('string', 'default'));
  const marked = (token: string) => (/^\[.*\]$/.test(token) ? token : token.startsWith('##') ? token.slice(2) : `▁${token}`);
  putTokens(put, { tokens: tokens.map(marked), kinds });
  const special = putSpecialIds(put, files, tokens);
  // what it begins texts with
  const first = special.get('cls');
  if (first !== undefined && !special.has('bos')) put('ggml.bos_token_id', scalar('u32', first));
  return entries;
}

type Put = (key: string, entry: Entry) => void;

interface Vocabulary {
  /** By number. */
  readonly tokens: readonly string[];
  readonly kinds: readonly number[];
}

function putTokens(put: Put, { tokens, kinds }: Vocabulary): void {
  put('ggml.tokens', texts(tokens));
  put('ggml.token_type', numbers('i32', kinds));
}

/** @throws FILE_CORRUPT */
function readVocabulary(model: Fields, { added_tokens: added }: Fields, size: number): Vocabulary {
  const tokens = new Array<string | undefined>(size);
  const kinds = new Array<number>(size).fill(KIND.unused);
  const place = (token: string, number: unknown, kind: number): void => {
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number >= size) {
      throw corrupt(`token ${shown(token)} has number ${shown(number)}, and the embedding has ${size} rows`);
    }
    if (tokens[number] !== undefined && tokens[number] !== token)
      throw corrupt(`tokens ${shown(tokens[number])} and ${shown(token)} have one number, ${number}`);
    tokens[number] = token;
    kinds[number] = kind;
  };
  if (!isFields(model.vocab)) throw corrupt('has no vocabulary');
  for (const [token, number] of Object.entries(model.vocab)) place(token, number, KIND.normal);
  for (const each of Array.isArray(added) ? added : []) {
    if (!isFields(each) || typeof each.content !== 'string') throw corrupt('has an added token without content');
    place(each.content, each.id, each.special === true ? KIND.control : KIND.own);
  }
  return { tokens: Array.from(tokens, (token, number) => token ?? `[PAD${number}]`), kinds };
}

/** @throws FILE_CORRUPT */
function readMerges({ merges }: Fields): readonly (readonly [string, string])[] {
  if (!Array.isArray(merges)) throw corrupt('has no merges');
  return merges.map((merge: unknown): [string, string] => {
    const pair: readonly unknown[] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    const [left, right] = pair;
    if (pair.length !== 2 || typeof left !== 'string' || typeof right !== 'string') throw corrupt(`merges ${shown(merge)}`);
    return [left, right];
  });
}

function isByteLevel({ pre_tokenizer: before, decoder }: Fields): boolean {
  return has(before, 'pretokenizers', 'ByteLevel') || has(decoder, 'decoders', 'ByteLevel');
}

/** Whether a step of a tokenizer, or one of its sequence, is of this type. */
function has(step: unknown, list: string, type: string): boolean {
  if (!isFields(step)) return false;
  const steps = step[list];
  return step.type === type || (Array.isArray(steps) && steps.some((each) => isFields(each) && each.type === type));
}

/** @throws FILE_UNSUPPORTED */
function preTokenizerOf({ pre_tokenizer: step }: Fields, { ignore_merges: ignores }: Fields): string {
  const name = nameOfPreTokenizer(step, ignores === true);
  if (name !== undefined) return name;
  throw unsupported('cuts text into words in a way that is not known', `known are the ways of ${PRE_TOKENIZER_IDS.join(', ')}`);
}

/** Tokens of SentencePiece show by their form what they are. */
function kindInWords(token: string, kind: number): number {
  if (/^<0x[0-9A-F]{2}>$/i.test(token)) return KIND.byte;
  return token === '<unk>' ? KIND.unknown : kind;
}

/** llama.cpp joins what has the highest score first, where tokenizer.json has an order: the earliest merge that makes a token counts. */
function scoresOf(tokens: readonly string[], merges: readonly (readonly [string, string])[]): number[] {
  const ranks = new Map<string, number>();
  merges.forEach(([left, right], rank) => {
    const token = left + right;
    if (!ranks.has(token)) ranks.set(token, rank);
  });
  return tokens.map((token) => -(ranks.get(token) ?? 0));
}

/** Whether a blank is put before the text. */
function addsSpace({ normalizer, pre_tokenizer: before }: Fields): boolean {
  if (has(normalizer, 'normalizers', 'Prepend')) return true;
  const isSpaced = (step: unknown) =>
    isFields(step) &&
    step.type === 'Metaspace' &&
    (step.add_prefix_space === true || ['first', 'always'].includes(String(step.prepend_scheme)));
  return isSpaced(before) || (isFields(before) && Array.isArray(before.pretokenizers) && before.pretokenizers.some(isSpaced));
}

function putSpecial(put: Put, files: TokenizerFiles, tokens: readonly string[]): void {
  const { tokenizer, settings, template } = files;
  putSpecialIds(put, files, tokens);
  put('ggml.add_bos_token', scalar('bool', addsToken(tokenizer, settings, 'bos')));
  put('ggml.add_eos_token', scalar('bool', addsToken(tokenizer, settings, 'eos')));
  const chat = template ?? templateOf(settings.chat_template);
  if (chat !== undefined) put('chat_template', scalar('string', chat));
}

/** @returns the numbers of special tokens, by llama.cpp's names */
function putSpecialIds(put: Put, { settings, configs }: TokenizerFiles, tokens: readonly string[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const numberOf = new Map(tokens.map((token, number) => [token, number]));
  for (const [ours, theirs] of SPECIAL) {
    const said = settings[`${theirs}_token`];
    const content = isFields(said) ? said.content : said;
    const byName = typeof content === 'string' ? numberOf.get(content) : undefined;
    const number = byName ?? configs.map((config) => firstOf(config[`${theirs}_token_id`])).find((id) => id !== undefined);
    if (number === undefined) continue;
    if (number >= tokens.length) throw corrupt(`the ${theirs} token has number ${number}, and there are ${tokens.length}`);
    put(`ggml.${ours}_token_id`, scalar('u32', number));
    found.set(ours, number);
  }
  return found;
}

/** Some models end with any of several tokens: the first is the usual one. */
function firstOf(id: unknown): number | undefined {
  const first: unknown = Array.isArray(id) ? id[0] : id;
  return typeof first === 'number' && Number.isInteger(first) && first >= 0 ? first : undefined;
}

/** Whether a text begins, or ends, with the special token: as the settings say, or else as the tokenizer puts it there. */
function addsToken({ post_processor: after }: Fields, settings: Fields, which: 'bos' | 'eos'): boolean {
  const said = settings[`add_${which}_token`];
  if (typeof said === 'boolean') return said;
  const processors = isFields(after) && Array.isArray(after.processors) ? after.processors : [after];
  return processors.some((each: unknown) => {
    if (!isFields(each) || each.type !== 'TemplateProcessing' || !Array.isArray(each.single)) return false;
    const end: unknown = each.single.at(which === 'bos' ? 0 : -1);
    return isFields(end) && 'SpecialToken' in end;
  });
}

/** The template, or of several the one without another purpose. */
function templateOf(said: unknown): string | undefined {
  if (typeof said === 'string') return said;
  const named: unknown = Array.isArray(said) ? said.find((each) => isFields(each) && each.name === 'default') : undefined;
  return isFields(named) && typeof named.template === 'string' ? named.template : undefined;
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 60);
}

function corrupt(what: string): TersorError {
  return new TersorError('FILE_CORRUPT', 'tokenizer.json', what, 'fetch or save it again');
}

function unsupported(what: string, hint: string): TersorError {
  return new TersorError('FILE_UNSUPPORTED', 'tokenizer.json', what, hint);
}
