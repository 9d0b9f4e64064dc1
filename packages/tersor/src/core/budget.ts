/** What the result must keep. Fields left out are not promised. */
export interface Budget {
  /** Largest allowed loss of quality, as a fraction: 0.01. */
  readonly drop?: number;
  /** Largest allowed size of all files, bytes. */
  readonly size?: number;
  /** Largest allowed size of what `tersor pack` makes of the file, bytes: what a download takes. */
  readonly coded?: number;
  /** Largest allowed latency, as a ratio to the original's: 1.1. */
  readonly latency?: number;
  /** Largest allowed peak memory of the engine, bytes. */
  readonly memory?: number;
}
