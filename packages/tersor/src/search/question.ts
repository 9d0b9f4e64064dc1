import type { Solve } from '../core/program.ts';
import type { Option } from './candidates.ts';

/** The options of every layer. */
export type Ranked = readonly (readonly Option[])[];

/** What the search wants to know, and who answers. */
export interface Question {
  /** Per layer, see `optionsOf`; the most faithful last. */
  readonly options: Ranked;
  /** Loss that is allowed. */
  readonly maxDrop: number;
  /** The whole file's size that is allowed; absent: as small as the drop permits. */
  readonly maxBytes?: number;
  /** What may be added to the latency, as a share of the original's, for every shape that options were timed on. Absent: any operators will do. */
  readonly maxAdded?: readonly number[];
  /** Peak memory of a runtime with the result, in bytes. Absent: any. */
  readonly maxMemory?: number;
  /** What that leaves for the weights; follows from measuring, see `withinReach`. */
  readonly room?: Room;
  readonly solve: Solve;
  /** The exact size of the whole file. Loads nothing. */
  size(chosen: readonly Option[]): Promise<number>;
  /** What the promise is about, of the whole model with these choices: see `QualityReport.drop`. */
  drop(chosen: readonly Option[]): Promise<number>;
  /** A smooth distance between the outputs that goes on falling where `drop` is already 0. Small ones of different layers add up. */
  error(chosen: readonly Option[]): Promise<number>;
  /** Asks for errors of models that differ from `base` in one layer: on fewer inputs, and quickest layer by layer in their order. */
  around(base: readonly Option[]): Promise<Around>;
  /** The choices as the runtime will compute with them, in drop and in latency. Absent: they are computed with as floats, which `drop` measures already. */
  confirm?(chosen: readonly Option[]): Promise<Confirmed>;
  /** Peak memory of a runtime with these choices, in bytes; undefined where the system does not tell. */
  footprint?(chosen: readonly Option[]): Promise<number | undefined>;
  /** Whether it is time to end with the best that is known. */
  enough?(): boolean;
  /** Called while layers are ranked, with those done and in all. */
  onProgress?(done: number, total: number, about: string): void;
}

/** Of weights in a running model, see `Candidate.memory`. */
export interface Room {
  /** What they may take together. */
  readonly most: number;
  /** The least they can take, and what the runtime takes then. */
  readonly least: { readonly held: number; readonly footprint: number };
}

export interface Around {
  /** Of the base itself. */
  readonly error: number;
  with(option: Option): Promise<number>;
}

export interface Confirmed {
  readonly drop: number;
  /** What the latency has more than the original's, as a share of it, for every shape. */
  readonly added: readonly number[];
}
