export type Phase =
  | 'read'
  | 'load'
  | 'observe'
  | 'choose'
  | 'measure'
  | 'predict'
  | 'calibrate'
  | 'write'
  | 'verify'
  | 'time'
  | 'weigh'
  | 'pack'
  | 'unpack';

/** Where long work stands. `total` is in the unit of `done`; both are 0 when the phase only begins. */
export interface Progress {
  readonly phase: Phase;
  readonly done: number;
  readonly total: number;
  /** What is being handled: a weight, a sample. */
  readonly about?: string;
  /** Which model of a folder, counted from 1. */
  readonly model?: { readonly name: string; readonly number: number; readonly count: number };
}
