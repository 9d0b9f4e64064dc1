/** What a sentence embedder needs around it: sentences as tokens, and its answer as similarities. */

/**
 * @typedef {import('../worker.js').Value} Value
 * @typedef {{ encode(text: string): { ids: number[] }, token_to_id(token: string): number | undefined }} Tokenizer
 */

const MAX_TOKENS = 128;

/**
 * `[sentences, tokens]` each; shorter sentences are padded and masked.
 * @param {Tokenizer} tokenizer
 * @param {readonly string[]} sentences
 * @returns {Record<'input_ids' | 'attention_mask' | 'token_type_ids', Value>}
 */
export function sentenceTensors(tokenizer, sentences) {
  const rows = sentences.map((sentence) => {
    const { ids } = tokenizer.encode(sentence);
    // the last token closes the sentence, however long it was
    return ids.length <= MAX_TOKENS ? ids : [...ids.slice(0, MAX_TOKENS - 1), ...ids.slice(-1)];
  });
  const length = Math.max(...rows.map((ids) => ids.length));
  const padding = tokenizer.token_to_id('[PAD]') ?? 0;
  /** @param {(ids: readonly number[], at: number) => number} valueAt @returns {Value} */
  const tensor = (valueAt) => ({
    type: 'int64',
    dims: [rows.length, length],
    data: BigInt64Array.from({ length: rows.length * length }, (_, i) => BigInt(valueAt(rows[Math.floor(i / length)] ?? [], i % length))),
  });
  return {
    input_ids: tensor((ids, at) => ids[at] ?? padding),
    attention_mask: tensor((ids, at) => (at < ids.length ? 1 : 0)),
    token_type_ids: tensor(() => 0),
  };
}

/**
 * One vector of length 1 a sentence: the mean of its tokens.
 * @param {Value} hidden  `[sentences, tokens, width]`
 * @param {Value} mask  `[sentences, tokens]`
 * @returns {Float64Array[]}
 */
export function embeddings({ data, dims: [sentences = 0, tokens = 0, width = 0] }, mask) {
  return Array.from({ length: sentences }, (_, sentence) => {
    const mean = new Float64Array(width);
    for (let token = 0; token < tokens; token++) {
      if (Number(mask.data[sentence * tokens + token]) === 0) continue;
      for (let i = 0; i < width; i++) mean[i] = (mean[i] ?? 0) + Number(data[(sentence * tokens + token) * width + i]);
    }
    const norm = Math.hypot(...mean);
    return mean.map((value) => value / norm);
  });
}

/** Of vectors of length 1. @param {Float64Array} a @param {Float64Array} b */
export function cosine(a, b) {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}
