import Module, { register } from 'node:module';
import type { RecordOptions } from './record-node.ts';

/**
 * Loaded into an application before its own code (`node --import`): every session that onnxruntime-node or onnxruntime-web creates is recorded, as the
 * environment variable says.
 */

/** What the command hands to the processes it starts, as JSON. */
export interface Preloaded extends Pick<RecordOptions, 'samples' | 'steps' | 'bytes' | 'seed'> {
  readonly folder: string;
}

/** How modules that were changed on loading hand over their class. */
const HOOK = Symbol.for('tersor.record');

const watched = new WeakSet<object>();

const settings = process.env.TERSOR_RECORD;
if (settings !== undefined) {
  Reflect.set(globalThis, HOOK, watch);
  watchRequire();
  watchImport();
}

/** Sessions that this class creates are recorded from now on. */
function watch(sessions: unknown): void {
  if (typeof sessions !== 'function' || watched.has(sessions)) return;
  const create: unknown = Reflect.get(sessions, 'create');
  if (typeof create !== 'function') return;
  watched.add(sessions);
  Reflect.set(sessions, 'create', async (model: RecordOptions['model'], ...rest: unknown[]) => {
    const session = await Reflect.apply(create, sessions, [model, ...rest]);
    const { folder, ...options }: Preloaded = JSON.parse(settings ?? '{}');
    const { record } = await import('./record-node.ts');
    return record(session, folder, { ...options, ...(model !== undefined && { model }) });
  });
}

/** CommonJS, and CommonJS that is imported: onnxruntime-node, its onnxruntime-common, onnxruntime-web for `require`. */
function watchRequire(): void {
  const load: unknown = Reflect.get(Module, '_load');
  if (typeof load !== 'function') return;
  Reflect.set(Module, '_load', function (this: unknown, request: unknown, ...rest: unknown[]) {
    const exports: unknown = Reflect.apply(load, this, [request, ...rest]);
    if (typeof request === 'string' && /onnxruntime-(node|web|common)/.test(request) && typeof exports === 'object' && exports !== null)
      watch(Reflect.get(exports, 'InferenceSession'));
    return exports;
  });
}

/** ES modules: onnxruntime-web for `import`. */
function watchImport(): void {
  register('./import-hook.js', import.meta.url);
}
