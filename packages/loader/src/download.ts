import { TsrError } from './error.ts';

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /** For requests that need more: credentials, headers. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface Download {
  readonly bytes: AsyncIterator<Uint8Array>;
  /** Of the whole file; undefined where the server does not say. */
  readonly total: number | undefined;
  /** Closes the connection when not all of it is wanted. */
  cancel(): void;
}

const ATTEMPTS = 4;
/** Before the second attempt; twice as long before each one after it. */
const WAIT_MS = 100;

/** @throws TsrError where the server answers with no file */
export function mustBeThere(response: Response, url: string | URL): Response {
  if (response.ok) return response;
  throw new TsrError('unreachable', `${url}: status ${response.status}`);
}

/**
 * A file's bytes in order, from a response that has begun. What breaks off goes on where it stopped, where the server can do that.
 * @throws TsrError where it cannot
 */
export function download(url: string | URL, first: Response, { signal, fetch = globalThis.fetch }: DownloadOptions): Download {
  const version = first.headers.get('etag');
  const length = Number(first.headers.get('content-length') ?? Number.NaN);
  // of a body that is compressed once more, the length says nothing
  const total = Number.isSafeInteger(length) && !first.headers.get('content-encoding') ? length : undefined;
  let reader = first.body?.getReader();
  const rest = async (from: number): Promise<Response> => {
    // a range alone is asked of other servers without asking them first whether that is allowed
    const response = mustBeThere(await fetch(url, { headers: { Range: `bytes=${from}-` }, ...(signal && { signal }) }), url);
    if (response.status !== 206)
      throw new TsrError('unreachable', `${url}: broke off, and the server gives no parts (status ${response.status})`);
    if (version !== null && ![version, null].includes(response.headers.get('etag')))
      throw new TsrError('unreachable', `${url}: became another file while it was loaded`);
    return response;
  };
  async function* parts(): AsyncGenerator<Uint8Array> {
    let done = 0;
    let attempt = 1;
    for (;;) {
      try {
        reader ??= (await rest(done)).body?.getReader();
        for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
          done += part.value.length;
          attempt = 1;
          yield part.value;
        }
        // some connections end where they break off
        if (total === undefined || done >= total) return;
      } catch (error) {
        if (error instanceof TsrError || signal?.aborted || attempt === ATTEMPTS) throw error;
      }
      if (attempt === ATTEMPTS) return;
      if (attempt > 1) await new Promise((resolve) => setTimeout(resolve, WAIT_MS * 2 ** attempt));
      reader = undefined;
      attempt++;
    }
  }
  return { bytes: parts(), total, cancel: () => void reader?.cancel().catch(() => {}) };
}
