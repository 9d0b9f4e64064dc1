/** What is used of a tokenizer of Hugging Face's library, whose own types do not resolve in every setting. */
export interface Tokenizer {
  encode(
    text: string,
    options: { readonly text_pair?: string; readonly add_special_tokens?: boolean; readonly return_token_type_ids?: true },
  ): { readonly ids: number[]; readonly token_type_ids?: number[] };
  token_to_id(token: string): number | undefined;
}

/** A text, or two that belong together (question and passage). */
export interface Text {
  readonly text: string;
  readonly pair?: string;
}

export interface Encoded {
  readonly ids: readonly number[];
  /** 0 for the first text and 1 for the second, where the tokenizer tells them apart. */
  readonly segments: readonly number[];
  /** Tokens were left out. */
  readonly cut: boolean;
}

/**
 * The tokens of a text with the special ones around it, at most `max`. What is too long loses tokens at the end of its longer text, never a special
 * one, as Hugging Face's `longest_first` does.
 */
export function encodeText(tokenizer: Tokenizer, { text, pair }: Text, max: number): Encoded {
  const whole = tokenizer.encode(text, { return_token_type_ids: true, ...(pair !== undefined && { text_pair: pair }) });
  const { ids, token_type_ids: segments = ids.map(() => 0) } = whole;
  if (ids.length <= max) return { ids, segments, cut: false };
  const bare = (part: string) => tokenizer.encode(part, { add_special_tokens: false }).ids;
  const first = bare(text);
  const firstAt = find(ids, first, 0);
  const second = pair === undefined ? [] : bare(pair);
  const secondAt = find(ids, second, firstAt + first.length);
  const [keepFirst, keepSecond] = share(first.length, second.length, max - (ids.length - first.length - second.length));
  const stays = (index: number) =>
    !(index >= firstAt + keepFirst && index < firstAt + first.length) &&
    !(index >= secondAt + keepSecond && index < secondAt + second.length);
  // A template that is itself longer than the model takes is cut where it ends.
  const kept = ids.flatMap((_, index) => (stays(index) ? [index] : [])).slice(0, max);
  return { ids: kept.map((index) => ids[index] ?? 0), segments: kept.map((index) => segments[index] ?? 0), cut: true };
}

/** How many tokens of two texts fit into `room` when always the longer one gives way. */
function share(first: number, second: number, room: number): [number, number] {
  const fits = Math.max(0, room);
  if (first + second <= fits) return [first, second];
  const half = Math.floor(fits / 2);
  if (second <= half) return [fits - second, second];
  if (first <= half) return [first, fits - first];
  return [fits - half, half];
}

/** Where `part` lies in `ids`. Tokenizers that join texts to their special tokens put it right behind the first one that differs. */
function find(ids: readonly number[], part: readonly number[], from: number): number {
  for (let at = from; at + part.length <= ids.length; at++) if (part.every((id, i) => ids[at + i] === id)) return at;
  return from;
}
