/**
 * @typedef {import('./worker.js').Value} Value
 * @typedef {import('./worker.js').Values} Values
 * @typedef {import('./worker.js').Loaded} Loaded
 *
 * @typedef {object} Runtime
 * @property {{ readonly version: string, readonly threads: number }} about
 * @property {(model: ArrayBuffer) => Promise<Loaded>} load  the buffer is handed over
 * @property {(session: number, feeds: Values) => Promise<Values>} run
 * @property {(sessions: readonly number[], feeds: Values) => Promise<number[]>} time  milliseconds of one run each, in turn
 */

/** Starts onnxruntime-web in a worker. @returns {Promise<Runtime>} */
export async function startRuntime() {
  const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  let calls = 0;

  worker.addEventListener('message', ({ data: { id, value, error } }) => {
    const caller = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) caller?.resolve(value);
    else caller?.reject(new Error(error));
  });
  worker.addEventListener('error', ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(message || 'the worker could not be started'));
    waiting.clear();
  });

  /** @param {string} call @param {unknown} [asked] @param {Transferable[]} [handed] @returns {Promise<any>} */
  function ask(call, asked, handed = []) {
    return new Promise((resolve, reject) => {
      waiting.set(calls, { resolve, reject });
      worker.postMessage({ id: calls++, call, asked }, handed);
    });
  }

  return {
    about: await ask('start'),
    load: (model) => ask('load', { model }, [model]),
    run: (session, feeds) => ask('run', { session, feeds }),
    time: (sessions, feeds) => ask('time', { sessions, feeds }),
  };
}
