import type { Node, WeightId } from '../graph.ts';
import type { Layer } from '../layers.ts';
import type { Lanes } from './lanes.ts';
import type { Survey } from './survey.ts';

/** Elements of a weight that a factor of their channel goes into. */
export interface Part {
  readonly weight: WeightId;
  /** The operator that uses it, and which of its inputs it is. */
  readonly node: Node;
  readonly input: number;
  /** Its axes along which channels lie, and which each position along them is, row-major; -1: none. */
  readonly axes: readonly number[];
  readonly ids: Int32Array;
  /** What computes the channels is divided by their factors (-1); what reads them is multiplied (1). */
  readonly power: 1 | -1;
  /** The layer whose weight it is; absent for biases and the like. */
  readonly layer?: Layer;
}

/** A Clip whose bounds become one for each channel. */
export interface ClipPart {
  readonly node: Node;
  /** Along one axis. */
  readonly lanes: Lanes;
  readonly rank: number;
  /** Infinite where there is none. */
  readonly low: number;
  readonly high: number;
}

/** Where an operator that lets nothing pass reads a value of the group, or gives one. */
export interface Border {
  readonly node: Node;
  readonly value: string;
  readonly gives: boolean;
}

/**
 * Channels that can be multiplied by factors without changing what a model computes: everything that gives them is divided, everything that takes them is
 * multiplied, and whatever lies in between lets factors pass.
 */
export interface Group {
  /** How many factors there are; ids of parts are below it. */
  readonly channels: number;
  readonly parts: readonly Part[];
  readonly clips: readonly ClipPart[];
  /** Operators that what is done must be undone for, or done behind. */
  readonly borders: readonly Border[];
  /** The channels of each value between those that give and those that take. */
  readonly lanes: ReadonlyMap<string, Lanes>;
}

/** What a rule may ask and say about the node that it is for. */
export interface Port {
  readonly node: Node;
  readonly survey: Survey;
  readonly clip: boolean;
  /** Channels are to be mixed with each other, which is more than to be scaled. */
  readonly mixed: boolean;
  lanesOf(name: string): Lanes | undefined;
  /** Says where channels lie in another value of the node. */
  give(name: string, lanes: Lanes): void;
  /** Lanes along some axes alone: positions along others become one channel. */
  narrow(lanes: Lanes, axes: readonly number[]): Lanes | string;
  part(part: Omit<Part, 'node'>): void;
  clipped(part: Omit<ClipPart, 'node'>): void;
  /** Of several inputs that could take the factors, the one to try; remembered, so that others can be tried. */
  choose(candidates: readonly number[]): number;
}

/** How an operator treats the factors of its channels; what it returns is why they cannot pass. */
export type Rule = (port: Port) => string | undefined;
