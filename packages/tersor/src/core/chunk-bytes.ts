/** Of a chunk of the container, in whole rows. It is decoded as a whole: large enough for its tables to be cheap, small enough to arrive soon. */
export const CHUNK_BYTES = 2 ** 20;
