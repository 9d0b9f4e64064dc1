/** What an honest file never exceeds: they bound time and memory, whatever a header says. */

/** Tensors of one file. The largest models known have below 10,000. */
export const MAX_TENSORS = 100_000;

/** Pairs of metadata. A hundred is much. */
export const MAX_KEYS = 10_000;

/** Bytes of a key, as the specification says. */
export const MAX_KEY_BYTES = 65_535;

/** Bytes of a tensor's name. The specification allows 64; image generators write longer ones. */
export const MAX_NAME_BYTES = 1024;

/** Bytes of a text in the metadata: templates of chats are the longest. */
export const MAX_TEXT_BYTES = 16_000_000;

/** Elements of arrays that have no fixed size, all arrays of a file together: tokens and merges. Fewer than a million in the largest vocabularies. */
export const MAX_TEXTS = 4_000_000;

/** Arrays in arrays. */
export const MAX_DEPTH = 4;

/** Axes of a tensor, as ggml has them. */
export const MAX_RANK = 4;

/** Bytes. ggml takes any power of two. */
export const MAX_ALIGNMENT = 2 ** 20;
