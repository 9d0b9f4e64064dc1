/** What an honest file never exceeds. The reference implementation has the first; the others bound what a header makes us allocate. */

/** Bytes of the JSON header. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Tensors of one file, and of one index. The largest checkpoints known have below 100,000; every one costs about 1 kB of memory. */
export const MAX_TENSORS = 500_000;

/** Axes of a tensor. */
export const MAX_RANK = 64;

/** Files of one checkpoint. The largest known has 163. */
export const MAX_SHARDS = 10_000;
