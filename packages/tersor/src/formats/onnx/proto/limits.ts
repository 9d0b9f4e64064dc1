/**
 * What an honest file never exceeds. A larger number is damage or an attack, and is refused before anything is allocated for it.
 * Sizes that the file's own size bounds need no entry here.
 */

/** Everything but weights. The largest graphs known (unrolled, with shapes of every value) take some tens of megabytes. */
export const MAX_HEADER_BYTES = 256 * 2 ** 20;

/** Branches inside branches. The deepest known model has 6; every level is a level of recursion. */
export const MAX_DEPTH = 32;

/** Nodes, and weights, of one file. The largest exports known have below 50,000; every one costs about 1 kB of memory. */
export const MAX_NODES = 200_000;

/** Nodes, attributes and types of values, of one file: each takes up to half a kilobyte of memory and may take two bytes of the file. */
export const MAX_PARTS = 500_000;

/** Axes of a tensor. No runtime takes more than 16. */
export const MAX_RANK = 64;

/** Pieces that the values of one tensor come in. Writers make one; a damaged file may have as many as it has bytes. */
export const MAX_PIECES = 64;

/** Numbers in an attribute that are read one by one. Longer lists (tree ensembles) are carried as encoded. */
export const MAX_LIST = 65_536;

/** Bytes of an attribute's tensor that is no constant. They stay in memory, so external data may not make them larger. */
export const MAX_ATTRIBUTE_TENSOR = 64 * 2 ** 20;

/** Elements of a sparse weight once expanded: the one shape that the file's size does not bound. */
export const MAX_SPARSE_ELEMENTS = 2 ** 31;

/** Characters of a weight's id. Longer ones (deep branches of nodes with long names) are numbered instead. */
export const MAX_ID = 512;
