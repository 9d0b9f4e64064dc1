import { type LoadOptions, loadFile } from './load-file.ts';

/** What of onnxruntime is used: `import * as ort from 'onnxruntime-web'`, or -node. */
export interface Ort<Session> {
  readonly InferenceSession: { create(model: Uint8Array, options?: object): Promise<Session> };
}

/**
 * Downloads a packed ONNX model, decodes each chunk while the next ones arrive, and hands the model to onnxruntime.
 *
 * @param url  of a .tsr file
 * @throws TsrError when it is damaged, or is none; what `fetch` throws when it cannot be had; AbortError on request
 */
export async function loadModel<Session>(
  url: string | URL,
  { ort, sessionOptions, ...options }: LoadOptions & { readonly ort: Ort<Session>; readonly sessionOptions?: object },
): Promise<Session> {
  const model = await loadFile(url, options);
  options.signal?.throwIfAborted();
  return ort.InferenceSession.create(model, sessionOptions);
}
