import { TsrError } from './error.ts';

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /** For requests that need more: credentials, headers. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface Download {
  readonly bytes: AsyncIterator<Uint8Array>;
  /** Of the whole file; undefined before the first bytes, and where the server does not say. */
  total(): number | undefined;
}

const ATTEMPTS = 4;

/** A file's bytes in order. What breaks off goes on where it stopped, where the server can do that. */
export function download(url: string | URL, { signal, fetch = globalThis.fetch }: DownloadOptions): Download {
  let total: number | undefined;
  let version: string | null = null;
  const request = async (from: number): Promise<Response> => {
    const headers = from > 0 ? { Range: `bytes=${from}-`, ...(version && { 'If-Range': version }) } : undefined;
    const response = await fetch(url, { ...(signal && { signal }), ...(headers && { headers }) });
    // without the range, or of another version: what is there already cannot be continued
    if (!response.ok || (from > 0 && response.status !== 206)) throw new TsrError('unreachable', `${url}: status ${response.status}`);
    if (from === 0) {
      version = response.headers.get('etag');
      const length = Number(response.headers.get('content-length') ?? Number.NaN);
      // of a body that is compressed once more, the length says nothing
      total = Number.isSafeInteger(length) && !response.headers.get('content-encoding') ? length : undefined;
    }
    return response;
  };
  async function* parts(): AsyncGenerator<Uint8Array> {
    let done = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        const { body } = await request(done);
        const reader = body?.getReader();
        for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
          done += part.value.length;
          yield part.value;
        }
        return;
      } catch (error) {
        if (error instanceof TsrError || signal?.aborted || done === 0 || attempt === ATTEMPTS) throw error;
      }
    }
  }
  return { bytes: parts(), total: () => total };
}
