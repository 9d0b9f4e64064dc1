/** Runs in the thread that loads ES modules: has those of onnxruntime hand over their class when they are loaded. */

interface Loaded {
  readonly format: string;
  readonly source?: string | ArrayBuffer | Uint8Array;
  readonly shortCircuit?: boolean;
}

type Load = (url: string, context: unknown) => Promise<Loaded>;

const IS_ONNXRUNTIME = /\/onnxruntime-(web|common)\/dist\/[^?]*\.m?js(\?|$)/;

/** A module may import itself: what it exports is there when the last line runs. */
export async function load(url: string, context: unknown, next: Load): Promise<Loaded> {
  const loaded = await next(url, context);
  if (loaded.format !== 'module' || loaded.source === undefined || !IS_ONNXRUNTIME.test(url)) return loaded;
  const text = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
  if (!text.includes('InferenceSession')) return loaded;
  const line = `import * as tersorItself from ${JSON.stringify(url)};globalThis[Symbol.for('tersor.record')]?.(tersorItself.InferenceSession);`;
  return { ...loaded, source: `${text}\n${line}\n` };
}
