import { TsrError } from './error.ts';
import { absolute, type LoadOptions, loadFile } from './load-file.ts';

export interface ModelFetchOptions extends Omit<LoadOptions, 'fetch' | 'signal' | 'onProgress'> {
  /** For everything else; the platform's unless told. */
  readonly fetch?: typeof globalThis.fetch;
  /** Called with bytes of a model's download, so far and in all. */
  readonly onProgress?: (url: string, done: number, total: number) => void;
}

/**
 * A `fetch` that answers requests for `*.onnx` with what is in `*.onnx.tsr` beside it, where that is there, and all others as ever. As transformers.js takes its
 * models: `env.fetch = modelFetch()`. It keeps what it is given itself, so nothing is kept here unless that is asked for.
 */
export function modelFetch({
  fetch = globalThis.fetch,
  onProgress,
  cache = false,
  ...options
}: ModelFetchOptions = {}): typeof globalThis.fetch {
  return async (input, init) => {
    const address = input instanceof Request ? input.url : String(input);
    if (!/\.onnx([?#]|$)/.test(address)) return fetch(input, init);
    const request = input instanceof Request ? new Request(input, init) : new Request(absolute(address), init);
    const url = new URL(request.url);
    url.pathname += '.tsr';
    if (request.method !== 'GET' || request.headers.has('range')) {
      // somebody asks whether it is there
      const response = await fetch(input, init);
      return response.ok ? response : fetch(url, init);
    }
    try {
      const progress = onProgress && ((done: number, total: number) => onProgress(request.url, done, total));
      const file = await loadFile(url, { ...options, cache, signal: request.signal, ...(progress && { onProgress: progress }) });
      return new Response(file, { headers: { 'content-type': 'application/octet-stream', 'content-length': String(file.length) } });
    } catch (error) {
      if (error instanceof TsrError && error.code === 'unreachable') return fetch(input, init);
      throw error;
    }
  };
}
