import type { CodingProfile, Kernels } from '../core/kernels.ts';
import type { Progress } from '../core/progress.ts';
import type { PackedStream } from '../formats/tsr/pack.ts';
import type { NamedFile } from '../formats/tsr/write-header.ts';
import type { OpenedBase } from './open-base.ts';

/** What a file becomes in the container: a header, and the chunks behind it. */
export interface CodedFile {
  readonly header: Uint8Array;
  readonly streams: readonly PackedStream[];
  /** Of both. */
  readonly bytes: number;
  /** Of the file, in hexadecimal. */
  readonly sha256: string;
  /** Files that decoding takes besides. */
  readonly base?: readonly NamedFile[];
  /** Why the file was taken for plain bytes, where it was. */
  readonly note?: string;
}

export interface CodingJob {
  readonly kernels: Kernels;
  readonly profile: CodingProfile;
  /** Chunks that are coded at the same time. */
  readonly atOnce: number;
  /** What the file is coded as a difference to. */
  readonly base?: OpenedBase;
  /** Bits of weights come one after the other, up to so many. */
  readonly nested?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}
