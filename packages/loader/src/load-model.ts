import { type LoadOptions, loadFile, type Refinable } from './load-file.ts';

/** What of onnxruntime is used: `import * as ort from 'onnxruntime-web'`, or -node. */
export interface Ort<Session> {
  readonly InferenceSession: { create(model: Uint8Array, options?: object): Promise<Session> };
}

/**
 * Downloads a packed ONNX model, decodes each chunk while the next ones arrive, and hands the model to onnxruntime.
 *
 * @param url  of a .tsr file; of one whose bits are nested, a session of `bits` comes first, and `onRefine` is told the one of all bits
 * @throws TsrError when it is damaged, or is none; what `fetch` throws when it cannot be had; AbortError on request
 */
export async function loadModel<Session>(
  url: string | URL,
  {
    ort,
    sessionOptions,
    onRefine,
    ...options
  }: LoadOptions & Refinable<Session> & { readonly ort: Ort<Session>; readonly sessionOptions?: object },
): Promise<Session> {
  const start = (model: Uint8Array) => ort.InferenceSession.create(model, sessionOptions);
  const refine = onRefine && ((model: Uint8Array) => void start(model).then(onRefine));
  const model = await loadFile(url, { ...options, ...(refine && { onRefine: refine }) });
  options.signal?.throwIfAborted();
  return start(model);
}
