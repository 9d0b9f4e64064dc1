/** The program of the engine's page: loads onnxruntime-web and answers requests that it fetches from the server it came from. */
import type { Env, InferenceSession, InferenceSessionFactory, TensorConstructor } from 'onnxruntime-web';
import type { Target } from '../core/format.ts';
import { externalFiles } from './external-data.ts';
import { decodeFrame, encodeFrame } from './frames.ts';
import { openHost, type Platform, type Runtime } from './host.ts';
import { isMessage } from './protocol.ts';

type Build = { readonly env: Env; readonly InferenceSession: InferenceSessionFactory; readonly Tensor: TensorConstructor };

/** What we need of WebGPU. */
interface Gpu {
  requestAdapter(): Promise<{
    readonly info: { readonly vendor: string; readonly architecture: string; readonly isFallbackAdapter?: boolean };
  } | null>;
}

async function load(target: Target): Promise<Runtime> {
  // Halves are bits everywhere in the engine.
  Reflect.deleteProperty(globalThis, 'Float16Array');
  if (target !== 'webgpu') return { kind: 'web', provider: 'wasm', ...(await importBuild('ort.wasm.min.mjs')) };
  const gpu = (navigator as { gpu?: Gpu }).gpu;
  const adapter = await gpu?.requestAdapter();
  if (!adapter) throw new Error('this browser offers no WebGPU adapter');
  const { vendor, architecture, isFallbackAdapter = false } = adapter.info;
  return {
    kind: 'web',
    provider: 'webgpu',
    about: `on WebGPU (${[vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter'})`,
    ...(isFallbackAdapter && {
      notice: `the browser found no GPU and computes WebGPU in software (${architecture}): what is right there may be slow or differ on a GPU`,
    }),
    ...(await importBuild('ort.webgpu.min.mjs')),
  };
}

/** @param file  one of onnxruntime-web's, which bring their WebAssembly from beside them */
async function importBuild(file: string): Promise<Build> {
  const url = new URL(`ort/${file}`, location.href).href;
  const { env, InferenceSession, Tensor } = (await import(url)) as Build;
  return { env, InferenceSession, Tensor };
}

const create: Platform['create'] = async ({ InferenceSession }, model, options) => {
  if ('bytes' in model) return InferenceSession.create(model.bytes, options);
  const bytes = await fetchBytes(model.path);
  const files = await Promise.all(externalFiles(bytes).map((path) => fetchExternal(model.path, path)));
  return InferenceSession.create(bytes, { ...options, externalData: files.flat() } satisfies InferenceSession.SessionOptions);
};

async function fetchExternal(model: string, path: string): Promise<{ readonly path: string; readonly data: Uint8Array }[]> {
  const beside = new URL(encodeURIComponent(path), new URL(model, location.href)).href;
  return fetchBytes(beside).then(
    (data) => [{ path, data }],
    () => [], // the runtime says best what it misses
  );
}

async function fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${decodeURIComponent(url.split('/').at(-1) ?? '')} cannot be read (${response.status})`);
  return new Uint8Array(await response.arrayBuffer());
}

const answer = openHost({ load, create, memory: () => undefined });

for (;;) {
  const message = decodeFrame(await fetchBytes('next'));
  if (!isMessage(message)) continue;
  await fetch('reply', { method: 'POST', body: new Blob(encodeFrame(await answer(message))) });
}
