/** onnxruntime-web on a thread of its own, so that the page stays awake while models run. */
import * as ort from '/vendor/onnxruntime-web/ort.wasm.min.mjs';

/**
 * @typedef {{ readonly type: 'float32' | 'int64', readonly dims: readonly number[], readonly data: Float32Array | BigInt64Array }} Value
 * @typedef {Readonly<Record<string, Value>>} Values
 * @typedef {{ readonly session: number, readonly milliseconds: number, readonly outputs: readonly string[] }} Loaded
 */

ort.env.wasm.wasmPaths = '/vendor/onnxruntime-web/';

/** A graph that hands its input on: loading it starts the runtime, so that no model's time contains that. */
const IDENTITY = Uint8Array.from(
  atob('CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAN'),
  (character) => character.charCodeAt(0),
);

/** @type {import('onnxruntime-web').InferenceSession[]} */
const sessions = [];

const CALLS = {
  async start() {
    await (await ort.InferenceSession.create(IDENTITY)).release();
    return { version: ort.env.versions.web ?? '', threads: ort.env.wasm.numThreads ?? 1 };
  },
  /** @param {{ model: ArrayBuffer }} asked @returns {Promise<Loaded>} */
  async load({ model }) {
    const start = performance.now();
    const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] });
    const milliseconds = performance.now() - start;
    return { session: sessions.push(session) - 1, milliseconds, outputs: session.outputNames };
  },
  /** @param {{ session: number, feeds: Values }} asked @returns {Promise<Values>} */
  async run({ session, feeds }) {
    const results = await at(session).run(tensorsOf(feeds));
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, dims, data }]) => [name, /** @type {Value} */ ({ type, dims, data })]),
    );
  },
  /** Milliseconds of one run each, in the order given. @param {{ sessions: readonly number[], feeds: Values }} asked */
  async time({ sessions: asked, feeds }) {
    const inputs = tensorsOf(feeds);
    const times = [];
    for (const session of asked) {
      const start = performance.now();
      await at(session).run(inputs);
      times.push(performance.now() - start);
    }
    return times;
  },
};

/** @param {number} session */
function at(session) {
  const found = sessions[session];
  if (!found) throw new Error(`there is no session ${session}`);
  return found;
}

/** @param {Values} feeds */
function tensorsOf(feeds) {
  return Object.fromEntries(Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data, dims)]));
}

// One call after the other: a session must not run twice at once, and times must not contain each other.
let turn = Promise.resolve();
addEventListener('message', ({ data: { id, call, asked } }) => {
  turn = turn.then(async () => {
    try {
      postMessage({ id, value: await CALLS[/** @type {keyof typeof CALLS} */ (call)](asked) });
    } catch (error) {
      postMessage({ id, error: error instanceof Error ? error.message : String(error) });
    }
  });
});
