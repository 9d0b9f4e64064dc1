import { halfValue } from '../half.ts';

/** A way in which ggml stores a run of neighbouring values of a row: codes of a few bits, and the scales that they share. */
export interface BlockType {
  /** ggml's number of it, as GGUF files have it. */
  readonly number: number;
  /** Values of a block. Rows consist of whole blocks. */
  readonly values: number;
  readonly bytes: number;
  /**
   * The values of one block, written to `values` from `to` on.
   *
   * Guarantee: those of ggml's own decoders, bit for bit: products of scale and code fit into 24 bits, so that nothing is rounded but the last sum.
   * Source: https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/quants.py
   * @param at  where the block begins
   */
  decode(bytes: Uint8Array, at: number, values: Float32Array, to: number): void;
}

/** The little-endian IEEE half at a place. */
export function halfAt(bytes: Uint8Array, at: number): number {
  return halfValue(u16At(bytes, at));
}

export function u16At(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

/** As a signed number: shifts and masks of single fields are all that is done with it. */
export function u32At(bytes: Uint8Array, at: number): number {
  return u16At(bytes, at) | (u16At(bytes, at + 2) << 16);
}

export function i8At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) >> 24;
}

/** Sixteen bytes hold 32 codes of 4 bits: the low halves are the first 16, the high halves the others. */
export function nibbleOf(bytes: Uint8Array, at: number, i: number): number {
  return i < 16 ? bytes[at + i]! & 15 : bytes[at + i - 16]! >> 4;
}
