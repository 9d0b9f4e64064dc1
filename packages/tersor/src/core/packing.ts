import type { CodingProfile } from './kernels.ts';
import type { Progress } from './progress.ts';

/** What packing a file may be asked. */
export interface AskedToPack {
  /** Where to write; `<name>.tsr` in the current folder unless told. */
  readonly out?: string;
  readonly force?: boolean;
  /** Codes everything, and writes nothing. */
  readonly dryRun?: boolean;
  /** An earlier version, or the model that this one was made of: what differs is packed, and unpacking takes it. A file, an index or a folder. */
  readonly base?: string;
  /**
   * Bits of 8-bit weights come one after the other, so that the container is valid wherever such a plane ends: of 2 to 8 bits, of so many at most. See
   * `prefix`.
   */
  readonly nested?: number;
  /** `max` is smaller still, and unpacks some ten times slower. */
  readonly profile?: CodingProfile;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** What unpacking may be asked. */
export interface AskedToUnpack extends Omit<AskedToPack, 'threads' | 'profile' | 'base' | 'nested'> {
  /** What the file was packed as a difference to, where it was. */
  readonly base?: string;
  /** Where to write; the name that the file had, in the current folder, unless told. */
  readonly out?: string;
}

/** What became of a file that was packed. */
export interface PackReport {
  readonly input: { readonly path: string; readonly bytes: number; readonly sha256: string };
  /** Without a path when nothing was written. */
  readonly output: { readonly path?: string; readonly bytes: number };
  /** Files that unpacking takes besides. */
  readonly base?: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
  /** Bytes of the output that are no weight's: what describes the chunks. */
  readonly headerBytes: number;
  readonly streams: readonly PackedStreamReport[];
  /** Why the file was taken for plain bytes, where it was. */
  readonly note?: string;
  readonly seconds: number;
}

export interface PackedStreamReport {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  readonly packed: number;
  /** How its chunks are coded, the most frequent way first. */
  readonly forms: readonly string[];
}

/** What of a container is wanted whose bits are nested. */
export interface AskedForPrefix {
  /** The most. */
  readonly bits: number;
  readonly out: string;
  readonly force?: boolean;
}

export interface PrefixReport {
  readonly input: { readonly path: string; readonly bytes: number };
  readonly output: { readonly path: string; readonly bytes: number };
  /** How many it has. */
  readonly bits: number;
}

export interface UnpackReport {
  readonly input: { readonly path: string; readonly bytes: number };
  readonly output: { readonly path?: string; readonly bytes: number; readonly sha256: string };
  readonly seconds: number;
}
