import type { TsrError } from './error.ts';

/** The name of the worker, by which its module knows that it is one. */
export const WORKER = 'tersor-loader';

/** What a worker is asked, once. */
export interface Job {
  readonly url: string;
  readonly cache: string | false;
  readonly bits?: number;
  /** What comes behind so many bits is wanted, too. */
  readonly refines: boolean;
}

/** What it says, in this order. */
export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'file'; readonly file: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'refined'; readonly file: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'over' }
  | { readonly kind: 'failed'; readonly name: string; readonly message: string; readonly code?: TsrError['code'] };
