import { type DType, elementsOf, type Shape } from '../../../core/dtype.ts';
import type { Graph, Node } from '../../../core/graph.ts';
import type { AffineLayout, CodebookLayout, LevelsLayout } from '../../../core/layout.ts';
import type { Weight } from '../../../core/model.ts';
import type { CodebookTensor, LevelsTensor } from '../../../core/tensor.ts';

/** What a value of a graph turns out to be, as far as storing weights goes: a constant, or what operators make of constants alone. */
export type Term =
  | Constant
  | Narrow
  | Index
  | Integers
  | Shifted
  | Scales
  | LookedUp
  | Quantized
  | Sums
  | Factors
  | Affine
  | Entries
  | Levels
  | Steps
  | Whole;

/** The operator that computes a term, where one does, and the terms that it is made of. */
export interface Origin {
  readonly node?: Node;
  readonly from: readonly Term[];
}

/** An initializer, or one that was given another shape. */
export interface Constant extends Origin {
  readonly kind: 'constant';
  readonly weight: Weight;
  readonly shape: Shape;
  /** Where it is declared: the graph's initializers, its name among them, the graph's path. */
  readonly declared: Graph['initializers'];
  readonly name: string;
  readonly path: string;
}

/** Floats that were stored in a narrower type. */
export interface Narrow extends Origin {
  readonly kind: 'narrow';
  readonly stored: Constant;
  readonly dtype: DType;
}

/** Bytes as positions in a table of what they hold. */
export interface Index extends Origin {
  readonly kind: 'index';
  readonly stored: Constant;
}

/** Whole numbers, computed with as floats: `code - zero`. */
export interface Integers extends Origin {
  readonly kind: 'integers';
  readonly shape: Shape;
  readonly bits: number;
  readonly zero: number;
  /** Codes from 0 to 2^bits - 1, one a byte, in the order of `shape`. */
  load(): Promise<Uint8Array>;
  readonly spread?: Spread;
}

/** Integers less their zero points. */
export interface Shifted extends Origin {
  readonly kind: 'shifted';
  readonly codes: Integers;
  readonly zeros: Integers;
}

export interface Scales extends Origin {
  readonly kind: 'scales';
  readonly shape: Shape;
  /** The type they are stored in. */
  readonly dtype: DType;
  load(): Promise<Float32Array>;
  readonly spread?: Spread;
}

/** Axis 1 repeats each of its elements `block` times, the last one fewer, to be `columns` long. */
export interface Spread {
  readonly block: number;
  readonly columns: number;
}

/** Rows of a term, looked up by a value that need not be constant. */
export interface LookedUp extends Origin {
  readonly kind: 'looked-up';
  readonly table: Term;
  readonly rows: string;
}

/** What DynamicQuantizeLinear makes of a value that need not be constant. */
export interface Quantized extends Origin {
  readonly kind: 'quantized';
  readonly role: 'codes' | 'scale' | 'zero';
  readonly value: string;
}

/** Products of the codes of activations and of a weight, summed. */
export interface Sums extends Origin {
  readonly kind: 'sums';
  readonly activations: Quantized;
  readonly stored: Constant;
  readonly zeros: Constant | undefined;
}

/** The scale of activations times those of a weight. */
export interface Factors extends Origin {
  readonly kind: 'factors';
  readonly activations: Quantized;
  readonly scales: Scales;
}

/** Vectors of books, summed: `[rows, vectors, vector]`, or `[rows, columns]`. */
export interface Entries extends Origin {
  readonly kind: 'entries';
  readonly shape: Shape;
  readonly rows: number;
  readonly vectors: number;
  readonly vector: number;
  readonly entries: number;
  readonly books: readonly (() => Promise<{ readonly indices: Uint8Array; readonly values: Float32Array }>)[];
}

/** 16-bit integers as floats. */
export interface Levels extends Origin {
  readonly kind: 'levels';
  readonly stored: Constant;
}

/** Two to the power of a quarter of 8-bit integers. */
export interface Steps extends Origin {
  readonly kind: 'steps';
  readonly stored: Constant;
}

/** A compressed weight that only expanding gives back. */
export interface Whole extends Origin {
  readonly kind: 'whole';
  readonly shape: Shape;
  readonly dtype: DType;
  readonly layout: CodebookLayout | LevelsLayout;
  load(): Promise<CodebookTensor | LevelsTensor>;
}

/** A compressed weight. */
export interface Affine extends Origin {
  readonly kind: 'affine';
  readonly shape: Shape;
  readonly dtype: DType;
  readonly layout: AffineLayout;
  readonly codes: Integers;
  readonly zeros?: Integers;
  readonly scales: Scales;
  /** How codes, and how scales and zero points lie in the file, and which of those axes are the outputs. */
  readonly codesLie: Lie;
  readonly scalesLie: Lie;
  /** How its blocks lie when they have an axis of their own, or are not all of one length: a Reshape then gives the weight's own shape. */
  readonly grid?: Grid;
}

export interface Lie {
  readonly shape: Shape;
  readonly outputs: readonly number[];
}

export interface Grid extends Spread {
  readonly before: number;
  readonly after: number;
}

/** The constants that a term is made of, each once. */
export function constantsOf(term: Term): Constant[] {
  const found = new Set<Constant>();
  for (const each of walk(term)) if (each.kind === 'constant' && !each.node) found.add(each);
  return [...found];
}

/** The same for terms that are made of the same values. */
export function identityOf(term: Term): string {
  const values = constantsOf(term).filter(({ weight: { dtype } }) => dtype !== 'i64' && dtype !== 'i32');
  const layout = term.kind === 'affine' || term.kind === 'whole' ? `${term.shape} ${JSON.stringify(term.layout)}` : '';
  return `${values.map(({ weight }) => weight.id).sort()} ${layout}`;
}

/** The operators that compute a term, its own among them. */
export function nodesOf(term: Term): Node[] {
  return [...walk(term)].flatMap(({ node }) => node ?? []);
}

function* walk(term: Term): Generator<Term> {
  const waiting: Term[] = [term];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    yield next;
    waiting.push(...next.from);
  }
}

/** Lengths that broadcasting fills up with ones. @returns undefined when there are more than `rank` */
export function padded(shape: Shape, rank: number): Shape | undefined {
  return shape.length > rank ? undefined : [...new Array<number>(rank - shape.length).fill(1), ...shape];
}

export function isSingle({ shape }: { readonly shape: Shape }): boolean {
  return elementsOf(shape) === 1;
}
