import { isFields } from '../json-file.ts';

/** How text is cut into words before it becomes tokens. llama.cpp knows that by name, tokenizer.json by its steps. */

const GPT_2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const words = (digits: string) =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const TEKKEN =
  '[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/** Every digit by itself. */
const DIGITS = '\\p{N}';

interface PreTokenizer {
  /** `tokenizer.ggml.pre`. */
  readonly id: string;
  /** Patterns that isolate what they match, one after the other. */
  readonly patterns: readonly string[];
  /** Whether words that are tokens are taken whole. */
  readonly ignoresMerges: boolean;
}

/** Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp, and the tokenizer.json of the models that the names come from */
const PRE_TOKENIZERS: readonly PreTokenizer[] = [
  { id: 'gpt-2', patterns: [GPT_2], ignoresMerges: false },
  { id: 'smollm', patterns: [DIGITS, GPT_2], ignoresMerges: false },
  { id: 'qwen2', patterns: [words('\\p{N}')], ignoresMerges: false },
  { id: 'llama-bpe', patterns: [words('\\p{N}{1,3}')], ignoresMerges: true },
  { id: 'dbrx', patterns: [words('\\p{N}{1,3}')], ignoresMerges: false },
  { id: 'tekken', patterns: [TEKKEN], ignoresMerges: true },
];

export const PRE_TOKENIZER_IDS: readonly string[] = PRE_TOKENIZERS.map(({ id }) => id);

/** llama.cpp's name for the `pre_tokenizer` of a tokenizer.json; undefined when it has none that is known. */
export function nameOfPreTokenizer(preTokenizer: unknown, ignoresMerges: boolean): string | undefined {
  const patterns = patternsOf(preTokenizer);
  if (!patterns) return undefined;
  const found = PRE_TOKENIZERS.find((known) => known.ignoresMerges === ignoresMerges && known.patterns.join('\n') === patterns.join('\n'));
  return found?.id;
}

/** The `pre_tokenizer` of a tokenizer.json that llama.cpp calls so, and whether it takes words whole; undefined when it is not known. */
export function preTokenizerNamed(name: string): { readonly step: unknown; readonly ignoresMerges: boolean } | undefined {
  const found = PRE_TOKENIZERS.find(({ id }) => id === name);
  if (!found) return undefined;
  const bytes = (uses: boolean) => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: uses });
  const steps = found.patterns.map((pattern) => {
    if (pattern === DIGITS) return { type: 'Digits', individual_digits: true };
    return pattern === GPT_2 ? bytes(true) : { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
  });
  const all = found.patterns.includes(GPT_2) ? steps : [...steps, bytes(false)];
  return { step: all.length === 1 ? all[0] : { type: 'Sequence', pretokenizers: all }, ignoresMerges: found.ignoresMerges };
}

function patternsOf(step: unknown): readonly string[] | undefined {
  if (!isFields(step)) return undefined;
  switch (step.type) {
    case 'Sequence': {
      const steps = Array.isArray(step.pretokenizers) ? step.pretokenizers.map(patternsOf) : [undefined];
      return steps.some((patterns) => patterns === undefined) ? undefined : steps.flatMap((patterns) => patterns ?? []);
    }
    case 'ByteLevel':
      return step.add_prefix_space === true ? undefined : step.use_regex === false ? [] : [GPT_2];
    case 'Digits':
      return step.individual_digits === true ? [DIGITS] : undefined;
    case 'Split': {
      const pattern = isFields(step.pattern) ? step.pattern.Regex : undefined;
      return typeof pattern === 'string' && step.behavior === 'Isolated' && step.invert !== true ? [pattern] : undefined;
    }
    default:
      return undefined;
  }
}
