/** Bytes that can be read anywhere. `read` returns exactly `length` bytes or throws FILE_CORRUPT. */
export interface Source {
  readonly name: string;
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Says that nobody looks any more at what `read` gave: its memory may serve the next one. Fresh memory costs more than reading into it. */
  release?(bytes: Uint8Array): void;
}

/** Bytes that are appended. Nothing is visible under the final name before the store commits. */
export interface Sink {
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
  /** Bytes that an interrupted run left and that were verified: what is written goes behind them. They end where a `mark` was. Absent: none. */
  readonly kept?: number;
  /** What was written until now is worth keeping, should the run be interrupted. Absent: nothing is. */
  mark?(): Promise<void>;
}

/**
 * A folder of files: a model is often one. Outputs are staged under temporary names; `commit` makes them appear, the file that names
 * the others last; `discard` removes every staged byte. Names are relative, and no name leads out of the folder.
 */
export interface Store {
  readonly name: string;
  list(): Promise<string[]>;
  /** @throws FILE_MISSING */
  open(name: string): Promise<Source>;
  /** @throws FILE_WRITE */
  create(name: string): Promise<Sink>;
  /** Asks for room for what is about to be written; absent where nobody knows how much there is. @throws FILE_WRITE when there is less */
  mustHaveRoom?(bytes: number): Promise<void>;
  commit(): Promise<void>;
  discard(): Promise<void>;
  /** Closes whatever is open for reading. */
  close(): Promise<void>;
}
