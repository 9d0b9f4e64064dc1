import type { Fields } from '../json-file.ts';
import { corrupt } from './cursor.ts';
import type { Entry } from './metadata.ts';
import { preTokenizerNamed } from './pre-tokenizers.ts';
import { readNumbers, readTexts } from './read-array.ts';
import { KIND, SPECIAL } from './vocabulary.ts';

/** Longer tokens are not taken to be merged of others: every one of them costs its length squared. */
const MAX_MERGED = 64;

/** The inverse of `vocabularyOf`: tokenizer.json and tokenizer_config.json, and what config.json says of special tokens. */
export interface TokenizerTexts {
  readonly tokenizer: Fields;
  readonly settings: Fields;
  readonly config: Fields;
}

/**
 * What a GGUF file says of how text becomes tokens; undefined for kinds of vocabularies that are not known.
 * @throws FILE_CORRUPT, FILE_LIMIT
 */
export async function tokenizerFilesOf(metadata: ReadonlyMap<string, Entry>, where: string): Promise<TokenizerTexts | undefined> {
  const of = (key: string) => metadata.get(`tokenizer.ggml.${key}`);
  const kind = of('model')?.text;
  const tokens = await readTexts(of('tokens'));
  if (!tokens || (kind !== 'gpt2' && kind !== 'llama')) return undefined;
  const kinds = (await readNumbers(of('token_type'), 'i32')) ?? tokens.map(() => KIND.normal);
  if (kinds.length !== tokens.length) throw corrupt(where, `has ${tokens.length} tokens, and ${kinds.length} of their types`);
  const special = specialTokens(of, tokens, where);
  const vocab = vocabOf(tokens, kinds);
  const model = kind === 'gpt2' ? await ofBytes(of, vocab) : await ofPieces(of, { tokens, vocab, unknown: special.unk_token });
  if (!model) return undefined;
  const addsFirst = of('add_bos_token')?.text === 'true' && special.bos_token !== undefined;
  const template = metadata.get('tokenizer.chat_template')?.text;
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: tokens.flatMap((content, id) => addedToken(content, id, kinds[id])),
      ...model,
      post_processor: addsFirst ? beginningWith(special.bos_token ?? '', Number(of('bos_token_id')?.text)) : null,
    },
    settings: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      ...special,
      add_bos_token: of('add_bos_token')?.text === 'true',
      add_eos_token: of('add_eos_token')?.text === 'true',
      clean_up_tokenization_spaces: false,
      ...(template !== undefined && { chat_template: template }),
    },
    config: Object.fromEntries(
      SPECIAL.flatMap(([ours, theirs]) => {
        const id = of(`${ours}_token_id`)?.text;
        return id === undefined ? [] : [[`${theirs}_token_id`, Number(id)]];
      }),
    ),
  };
}

type Of = (key: string) => Entry | undefined;

/** @throws FILE_CORRUPT */
function specialTokens(of: Of, tokens: readonly string[], where: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    SPECIAL.flatMap(([ours, theirs]) => {
      const id = of(`${ours}_token_id`)?.text;
      if (id === undefined) return [];
      const token = tokens[Number(id)];
      if (token === undefined) throw corrupt(where, `the ${ours} token has number ${id.slice(0, 20)}, and there are ${tokens.length}`);
      return [[`${theirs}_token`, token]];
    }),
  );
}

/** Numbers by tokens. Numbers that no token has are left out. */
function vocabOf(tokens: readonly string[], kinds: readonly number[]): ReadonlyMap<string, number> {
  return new Map(tokens.flatMap((token, id) => (kinds[id] === KIND.unused ? [] : [[token, id] as const])));
}

function addedToken(content: string, id: number, kind: number | undefined): Fields[] {
  if (kind !== KIND.control && kind !== KIND.own && kind !== KIND.unknown) return [];
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return [{ id, content, ...plain, special: kind !== KIND.own }];
}

const BPE = { type: 'BPE', dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null };

async function ofBytes(of: Of, vocab: ReadonlyMap<string, number>): Promise<Fields | undefined> {
  const before = preTokenizerNamed(of('pre')?.text ?? '');
  const merges = await readTexts(of('merges'));
  if (!before || !merges) return undefined;
  return {
    normalizer: null,
    pre_tokenizer: before.step,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      ...BPE,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: before.ignoresMerges,
      vocab: Object.fromEntries(vocab),
      merges: merges.map((merge) => merge.split(' ')),
    },
  };
}

interface Pieces {
  readonly tokens: readonly string[];
  readonly vocab: ReadonlyMap<string, number>;
  readonly unknown: string | undefined;
}

async function ofPieces(of: Of, { tokens, vocab, unknown }: Pieces): Promise<Fields | undefined> {
  const scores = await readNumbers(of('scores'), 'f32');
  if (scores?.length !== tokens.length) return undefined;
  const prepended = of('add_space_prefix')?.text === 'false' ? [] : [{ type: 'Prepend', prepend: '▁' }];
  const strip = prepended.length > 0 ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [];
  return {
    normalizer: { type: 'Sequence', normalizers: [...prepended, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }, ...strip],
    },
    model: {
      ...BPE,
      unk_token: unknown ?? null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges: mergesOf(vocab, scores),
    },
  };
}

/** Every pair of tokens that makes a third, the highest score first; of one score, longer beginnings first. */
function mergesOf(vocab: ReadonlyMap<string, number>, scores: readonly number[]): [string, string][] {
  const merges: { readonly pair: [string, string]; readonly score: number }[] = [];
  for (const [token, id] of vocab) {
    if (token.length > MAX_MERGED) continue;
    for (let at = 1; at < token.length; at++) {
      const pair: [string, string] = [token.slice(0, at), token.slice(at)];
      if (pair.every((part) => vocab.has(part))) merges.push({ pair, score: scores[id] ?? 0 });
    }
  }
  merges.sort((a, b) => b.score - a.score || b.pair[0].length - a.pair[0].length || b.pair[1].length - a.pair[1].length);
  return merges.map(({ pair }) => pair);
}

function beginningWith(token: string, id: number): Fields {
  const first = { SpecialToken: { id: token, type_id: 0 } };
  const sequence = (name: string) => ({ Sequence: { id: name, type_id: 0 } });
  return {
    type: 'TemplateProcessing',
    single: [first, sequence('A')],
    pair: [first, sequence('A'), first, sequence('B')],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}
