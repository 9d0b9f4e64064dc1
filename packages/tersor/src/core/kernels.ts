import type { WritableBlock } from './blocks/block-types.ts';

/**
 * The loops over weights that a method may ask for. Implemented by `kernels/` (WebAssembly on a worker pool, beside a readable
 * reference that gives the same bits); reached through `Context`, so that a method neither knows nor imports an implementation.
 *
 * Every matrix is row-major `[rows, columns]` with rows = outputs and columns = inputs; blocks run along the columns, and the last
 * block of a row is shorter when `block` does not divide `columns`.
 */
export interface Kernels {
  /** Quantizes to integers with one scale (and zero point) per block. What comes of values that are not finite means nothing; `peak` tells. */
  quantize(values: Float32Array, spec: QuantizeSpec): Promise<Quantized>;
  /** ggml's blocks of these values, of its reference quantizer unless told. @throws SHAPE when rows or values do not fill whole blocks, LAYOUT when a value is not finite, or too large for such blocks */
  quantizeBlocks(values: Float32Array, type: WritableBlock, how?: BlockRounding): Promise<Uint8Array>;
  /** `(code - zero) * scale` for every element; the inverse of `quantize` up to rounding. */
  dequantize(blocks: QuantizedBlocks, spec: BlockSpec): Promise<Float32Array>;
  /** IEEE binary16 bits of `values / unit`, round to nearest even; beyond 65504 becomes infinity, NaN stays NaN. `unit`: a power of two from 2^-126 to 2^126. */
  toHalf(values: Float32Array, unit?: number): Promise<Uint16Array>;
  fromHalf(bits: Uint16Array): Promise<Float32Array>;
  /** bfloat16 bits, round to nearest even. */
  toBfloat16(values: Float32Array): Promise<Uint16Array>;
  fromBfloat16(bits: Uint16Array): Promise<Float32Array>;
  /** `[rows, columns]` to `[columns, rows]`, for elements of one or four bytes. */
  transpose<T extends Float32Array | Uint8Array>(values: T, rows: number, columns: number): Promise<T>;
  /** Codes of `bits` (2 or 4) packed low bits first, as every ONNX operator wants them. `length` of the result: ceil(codes * bits / 8). */
  pack(codes: Uint8Array, bits: 2 | 4): Promise<Uint8Array>;
  unpack(bytes: Uint8Array, bits: 2 | 4, count: number): Promise<Uint8Array>;
  /** A Bᵀ in 32-bit floats, of `[rows, columns]` and `[others, columns]`: `[rows, others]`. */
  multiplyRows(a: Float32Array, b: Float32Array, columns: number): Promise<Float32Array>;
  /**
   * The upper triangular U with A⁻¹ = UᵀU, of a symmetric positive definite A: A = RRᵀ with an upper R, found from the last row up, gives U = R⁻¹.
   * One factorisation and one triangular inverse instead of an inverse and another factorisation.
   * @param matrix  `[size, size]`; only its upper triangle is read
   * @returns `[size, size]`, zeros below the diagonal; undefined when A is not positive definite in this arithmetic
   */
  inverseFactor(matrix: Float64Array, size: number): Promise<Float32Array | undefined>;
  /**
   * Codes of a matrix, column by column: what is lost by rounding a column is made up for, as far as the activations allow, by the columns that are
   * not rounded yet, so that the product XWᵀ moves least.
   * Source: Frantar et al. 2022, GPTQ, https://arxiv.org/abs/2210.17323, algorithm 1, with scales that are settled beforehand
   */
  compensate(values: Float32Array, grid: Grid, by: Compensation): Promise<Uint8Array>;
  /**
   * Codes and scales that lose no more by XXᵀ than those given: by turns every code becomes the best there is while all others stay, and every scale the best for its codes.
   * Sources: Behdin et al. 2023, QuantEase, https://arxiv.org/abs/2309.01885, algorithm 1 (codes); least squares (scales)
   */
  refine(values: Float32Array, by: Refinement): Promise<Refined>;
  /**
   * A book of vectors: weighted k-means (Lloyd), from the entries given. An entry that is nobody's nearest stays.
   * @param values  `[vectors, vector]`
   * @param weights  the same: what a squared error counts for
   * @param book  `[entries, vector]`
   */
  clusterVectors(values: Float32Array, weights: Float32Array, book: Float32Array, vector: number, rounds: number): Promise<Float32Array>;
  /**
   * Entries for vectors of a matrix, one vector after the other: what is lost by one is made up for by those that come later. Of two books, the best pair that has one of the few best of the first.
   * @returns `[count, rows, vectors]`
   * Sources: van Baalen et al. 2024, GPTVQ, https://arxiv.org/abs/2402.15319, algorithm 1; Egiazarian et al. 2024, AQLM, https://arxiv.org/abs/2401.06118, section 3.2 (beam search)
   */
  compensateVectors(values: Float32Array, grid: VectorGrid, by: Compensation): Promise<Uint8Array>;
  /** One pass in which every vector in turn gets the best entries there are while all others stay: what is lost never grows. */
  refineVectors(values: Float32Array, by: VectorRefinement): Promise<RefinedVectors>;
  /**
   * Levels of a matrix of lines, so that what is lost, and the bits that they take, come out least together.
   * @param values  `[lines, length]`
   * @returns in the same order
   */
  chooseLevels(values: Float32Array, choice: LevelChoice): Promise<Int16Array>;
  /**
   * The bytes of elements in as few bytes as the entropy coder finds; `decodeChunk` of the loader gives them back.
   * @param base  as many bytes, known to whoever decodes, that these may be a difference to
   * @param beside  bytes that whoever decodes knows, one in the place of each element, by which these are told
   */
  encodeChunk(bytes: Uint8Array, elements: Elements, profile?: CodingProfile, base?: Uint8Array, beside?: Uint8Array): Promise<Uint8Array>;
  /** One pass over the values. */
  summarize(values: Float32Array): Promise<Summary>;
  /** Ends the workers. The kernels cannot be used afterwards. */
  close(): Promise<void>;
}

/** `reference`: byte for byte ggml's quantizer; `best`: scales with a smaller squared error (weighted, where importances are known), never a larger one, that keep the size of values where they can. */
export type BlockSearch = 'reference' | 'best';

/** How values are rounded to blocks. */
export interface BlockRounding {
  readonly search?: BlockSearch;
  /**
   * How much a squared error counts in each column: means of the squares of what it is multiplied by. Not negative. The values are then rows of this
   * length, of whole blocks.
   */
  readonly importance?: Float32Array;
}

export interface BlockSpec {
  readonly rows: number;
  readonly columns: number;
  /** Elements that share a scale; `columns` for one scale per row. */
  readonly block: number;
}

export interface QuantizeSpec extends BlockSpec {
  readonly bits: number;
  /** Without zero points: the grid is -2^(bits-1) .. 2^(bits-1)-1 around an exact zero. */
  readonly symmetric: boolean;
  readonly fit: 'absmax' | 'mse' | 'hqq';
  /** The type the scales will be stored in; they are rounded to it before the codes are chosen. */
  readonly scale: 'f32' | 'f16';
  /** The values are `[columns, rows]`, as in MatMul, and are turned on their way. What comes out is in the order of `[rows, columns]`. */
  readonly transposed?: boolean;
}

export interface QuantizedBlocks {
  /** One code a byte, 0 .. 2^bits - 1, in the order of the matrix. */
  readonly codes: Uint8Array;
  /** `[rows, ceil(columns / block)]`, values already rounded to the scale's type. */
  readonly scales: Float32Array;
  /** Zero points as codes, in the shape of `scales`; absent: 2^(bits-1). */
  readonly zeros?: Uint8Array;
  readonly bits: number;
}

export interface Quantized extends QuantizedBlocks {
  /** Largest magnitude of the values; infinite or not a number when one of them is. */
  readonly peak: number;
}

/** What codes stand for, settled before a matrix is rounded. */
export interface Grid extends BlockSpec, Omit<QuantizedBlocks, 'codes'> {}

/** How columns make up for one another. */
export interface Compensation {
  /** Columns in the order in which they are rounded. */
  readonly order: Uint32Array;
  /** U with (XᵀX)⁻¹ = UᵀU, of the columns in that order: `[columns, columns]`. */
  readonly factor: Float32Array;
}

/** A matrix that was rounded, and what tells which of its errors matter. */
export interface Refinement {
  readonly grid: Grid;
  readonly codes: Uint8Array;
  /** XᵀX, `[columns, columns]`; its diagonal is positive. */
  readonly gram: Float32Array;
  /** Times that scales are fitted; the codes go before, between and after. */
  readonly rounds: number;
  /** Scales are numbers of this type. */
  readonly scale: 'f16' | 'f32';
}

export interface Refined {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
}

/** Books whose entries stand for vectors of a matrix `[rows, columns]`: neighbours along the columns, which `vector` divides. */
export interface VectorGrid {
  readonly rows: number;
  readonly columns: number;
  /** Columns of a vector: 1 to 8. */
  readonly vector: number;
  /** One or two: a vector is the sum of an entry of each, times the scale of its row. */
  readonly count: number;
  /** Entries of a book: 2 to 256. */
  readonly entries: number;
  /** `[count, entries, vector]`. */
  readonly books: Float32Array;
  /** One a row; not negative. */
  readonly scales: Float32Array;
}

export interface VectorRefinement {
  readonly grid: VectorGrid;
  /** `[count, rows, vectors]`. */
  readonly indices: Uint8Array;
  /** XᵀX, `[columns, columns]`; absent: ones on the diagonal. */
  readonly gram?: Float32Array;
}

export interface RefinedVectors {
  readonly indices: Uint8Array;
  /** The sum of squares of what X loses, before and after. */
  readonly losses: readonly [number, number];
  /** `[count, entries, vector, 2]`: half of what the loss falls by for a small step of an entry, and half of its second derivative as far as each vector is alone. */
  readonly slopes: Float64Array;
}

/** How levels are chosen, line by line in the order in which they will be coded. */
export interface LevelChoice {
  readonly lines: number;
  readonly length: number;
  /** A step is that of its line times that of its place on the line; of a trellis two levels of one quantizer are two steps apart. Positive. */
  readonly lineSteps: Float32Array;
  readonly placeSteps: Float32Array;
  /** The context of a number, by which its bits are told, is that of its line and that of its place together: 0 to 63. */
  readonly lineContexts: Int32Array;
  readonly placeContexts: Int32Array;
  /** `[64 contexts, 2 quantizers, 32 magnitudes]`: what its bits count for, in squares of steps. The last magnitude is for all larger ones. */
  readonly rates: Float32Array;
  readonly isTrellis: boolean;
  /** Places after which a trellis begins anew. */
  readonly run: number;
  /** How lines make up for one another. */
  readonly compensation?: LevelCompensation;
}

export interface LevelCompensation {
  /** Lines in the order in which they are chosen. */
  readonly order: Uint32Array;
  /** `[groups, lines, lines]`, see `Compensation`; places fall into groups of one size. */
  readonly factors: Float32Array;
}

export interface Summary {
  /** Over the finite values; 0 when there is none. */
  readonly min: number;
  readonly max: number;
  /** Largest magnitude that is not infinite. */
  readonly peak: number;
  /** Smallest magnitude that is not zero; 0 when all are zero. */
  readonly least: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  readonly zeros: number;
  readonly nonFinite: number;
}

/** What a chunk is made of. */
export interface Elements {
  readonly count: number;
  /** Bytes of one: 1, 2, 4 or 8. */
  readonly width: number;
  /** Floats are turned left by one bit before they are taken apart. Never with a width of 1. */
  readonly turned: boolean;
  /** Elements in a row; 0 when they are no matrix. */
  readonly columns: number;
}

/** `max`: adaptive probabilities where they take fewer bytes, decoded some ten times slower. */
export type CodingProfile = 'default' | 'max';
