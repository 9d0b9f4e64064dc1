import type { CodingProfile } from './kernels.ts';
import type { Progress } from './progress.ts';

/** What packing a file may be asked. */
export interface AskedToPack {
  /** Where to write; `<name>.tsr` in the current folder unless told. */
  readonly out?: string;
  readonly force?: boolean;
  /** Codes everything, and writes nothing. */
  readonly dryRun?: boolean;
  /** `max` is smaller still, and unpacks some ten times slower. */
  readonly profile?: CodingProfile;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** What unpacking may be asked. */
export interface AskedToUnpack extends Omit<AskedToPack, 'threads' | 'profile'> {
  /** Where to write; the name that the file had, in the current folder, unless told. */
  readonly out?: string;
}

/** What became of a file that was packed. */
export interface PackReport {
  readonly input: { readonly path: string; readonly bytes: number; readonly sha256: string };
  /** Without a path when nothing was written. */
  readonly output: { readonly path?: string; readonly bytes: number };
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

export interface UnpackReport {
  readonly input: { readonly path: string; readonly bytes: number };
  readonly output: { readonly path?: string; readonly bytes: number; readonly sha256: string };
  readonly seconds: number;
}
