import type { DownloadOptions } from './download.ts';
import { TsrError } from './error.ts';
import { type Answer, type Job, WORKER } from './messages.ts';

export interface LoadOptions extends DownloadOptions {
  /** Called with bytes of the download, so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
  /**
   * Whether coded bytes are kept for the next visit, in the Cache API; a name of the cache. What is kept is used where the server has nothing newer, or cannot be
   * asked. True unless told; nothing is kept where there is no Cache API.
   */
  readonly cache?: boolean | string;
  /** Whether a worker decodes. True unless told, where there are workers, and no `fetch` of the caller's. */
  readonly worker?: boolean;
  /** Of a file whose bits are nested: how many a weight are enough, 2 to 8. All unless told. */
  readonly bits?: number;
}

/** What comes after a file of few bits. */
export interface Refinable<T> {
  /** Called with what all bits make of it, once they are there; what has `bits` comes first. */
  readonly onRefine?: (refined: T) => void;
}

const CACHE = 'tersor';

/** The bytes that were packed into the .tsr file at `url`, each checksum verified. @throws TsrError; what `fetch` throws; AbortError on request */
export async function loadFile(
  url: string | URL,
  options: LoadOptions & Refinable<Uint8Array<ArrayBuffer>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { cache = true, worker = true, signal, fetch, bits, onRefine } = options;
  signal?.throwIfAborted();
  const job: Job = {
    url: absolute(url),
    cache: cache === true ? CACHE : cache,
    ...(bits !== undefined && { bits }),
    refines: onRefine !== undefined,
  };
  // what a page's worker is started from is a file beside this one, which some servers and policies do not give
  const started = worker && !fetch && (await start());
  if (started) return ask(started, job, options);
  const { fetchFile } = await import('./worker.ts');
  return new Promise((resolve, reject) => {
    let give = resolve as (file: Uint8Array<ArrayBuffer>) => void;
    const onFirst = (file: Uint8Array<ArrayBuffer>) => {
      resolve(file);
      if (onRefine) give = onRefine;
    };
    fetchFile(job.url, { ...options, cache: job.cache, ...(onRefine && { onFirst }) }).then(({ file }) => give(file), reject);
  });
}

/** A worker sees other addresses around it than the page. */
export function absolute(url: string | URL): string {
  const { document, location }: { document?: { readonly baseURI: string }; location?: { readonly href: string } } = globalThis;
  return new URL(url, document?.baseURI ?? location?.href).href;
}

/** Undefined where there are none, or it does not come up. */
async function start(): Promise<Worker | undefined> {
  try {
    // onnxruntime-web makes Node's workers global, which have no such handlers
    if (!('onerror' in Worker.prototype)) return;
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: WORKER });
    await new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => {
        event.preventDefault();
        worker.terminate();
        reject();
      };
    });
    return worker;
  } catch {
    // pages from a disk, and policies, allow none
  }
  return undefined;
}

function ask(
  worker: Worker,
  job: Job,
  { signal, onProgress, onRefine }: LoadOptions & Refinable<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      worker.terminate();
      signal?.removeEventListener('abort', abort);
    };
    const abort = () => {
      stop();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort);
    worker.onerror = ({ message }) => {
      stop();
      reject(new Error(`the worker ended: ${message}`));
    };
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      if (data.kind === 'progress') onProgress?.(data.done, data.total);
      if (data.kind === 'file') {
        if (!onRefine) signal?.removeEventListener('abort', abort);
        resolve(data.file);
      }
      if (data.kind === 'refined') onRefine?.(data.file);
      if (data.kind === 'over') stop();
      if (data.kind === 'failed') {
        stop();
        reject(errorOf(data));
      }
    };
    worker.postMessage(job);
  });
}

function errorOf({ name, message, code }: Extract<Answer, { readonly kind: 'failed' }>): Error {
  return code ? new TsrError(code, message) : Object.assign(new Error(message), { name });
}
