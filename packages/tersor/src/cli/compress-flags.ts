import type { Asked } from '../core/asked.ts';
import type { FolderTarget, TransformersDtype } from '../core/folder-report.ts';
import { defined } from './defined.ts';
import type { OutputKinds } from './flags.ts';
import { resolveSize, type Size } from './quantities.ts';

/** What the flags of the main job say, as commander names them. */
export interface CompressFlags {
  readonly out?: string;
  readonly force?: boolean;
  readonly resume?: boolean;
  readonly keep?: boolean;
  readonly verify?: boolean;
  readonly dryRun?: boolean;
  readonly recipe?: string;
  readonly set?: readonly string[];
  readonly type?: string;
  readonly tensor?: readonly string[];
  readonly imatrix?: string;
  readonly try?: readonly string[];
  readonly saveRecipe?: string;
  readonly report?: readonly string[];
  readonly maxDrop?: number;
  readonly maxSize?: Size;
  readonly maxCoded?: Size;
  readonly maxLatency?: number;
  readonly maxMemory?: number;
  /** Seconds. */
  readonly maxTime?: number;
  readonly cache?: boolean;
  readonly target?: FolderTarget;
  readonly dtype?: TransformersDtype;
  readonly skip?: readonly string[];
  readonly browser?: boolean;
  readonly repair?: boolean;
  readonly data?: string;
  readonly preprocess?: string;
  readonly samples?: number;
  readonly subsets?: number;
  readonly output?: OutputKinds;
  readonly eval?: string;
  readonly seed?: number;
  readonly threads?: number;
  readonly weights?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What is asked of a model and of a folder alike. */
export function commonOf(flags: CompressFlags, originalBytes: number): Omit<Asked, 'target'> & { readonly data?: string } {
  const {
    maxDrop,
    maxSize,
    maxCoded,
    maxLatency,
    maxMemory,
    output,
    data,
    preprocess,
    samples,
    subsets,
    seed,
    threads,
    keep,
    verify,
    repair,
    browser,
    force,
    resume,
  } = flags;
  const budget = defined({
    drop: maxDrop,
    size: maxSize && resolveSize(maxSize, originalBytes),
    coded: maxCoded && resolveSize(maxCoded, originalBytes),
    latency: maxLatency,
    memory: maxMemory,
  });
  return {
    ...defined({ browser, data, preprocess, samples, subsets, seed, threads, keep, force, resume, eval: flags.eval, outputs: output }),
    ...(verify === false && { verify }),
    ...(repair === false && { repair }),
    ...(flags.cache === false && { cache: false as const }),
    ...(flags.report && { weigh: true }),
    ...(Object.keys(budget).length > 0 && { budget }),
  };
}

/** Whether a report of this name is one to look at. */
export function isPage(path: string): boolean {
  return path.toLowerCase().endsWith('.html');
}

/** The signal to end a search: on request, or when the time is up. */
export function enoughAfter(seconds: number | undefined, asked: AbortSignal): AbortSignal {
  if (seconds === undefined) return asked;
  // A signal made of others by AbortSignal.any may be collected before its time comes: https://github.com/nodejs/node/issues/54614
  const either = new AbortController();
  const end = () => either.abort();
  asked.addEventListener('abort', end, { once: true });
  setTimeout(end, seconds * 1000).unref();
  return either.signal;
}
