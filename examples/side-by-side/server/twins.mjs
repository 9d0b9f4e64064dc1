import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { compress, reportPage } from 'tersor';
import { fileAt, twinBeside } from './find-models.mjs';

/**
 * @typedef {import('./find-models.mjs').ModelId} ModelId
 * @typedef {import('./find-models.mjs').Found} Found
 * @typedef {import('./find-models.mjs').File} File
 *
 * @typedef {object} Twin  a model and what was made of it
 * @property {'missing' | 'waiting' | 'making' | 'failed' | 'ready'} status
 * @property {string} [message]  why it is missing or failed
 * @property {{ readonly phase: string, readonly share?: number }} [progress]
 * @property {File} [original]
 * @property {File} [compressed]
 * @property {string} [report]  path of the page that says how it was made
 * @property {readonly string[]} beside
 *
 * @typedef {object} Twins
 * @property {Readonly<Record<ModelId, Twin>>} models
 * @property {(listener: () => void) => () => void} onChange  gives what ends it
 * @property {(signal: AbortSignal, say: (line: string) => void) => Promise<void>} makeMissing  one after the other, the quickest first
 */

const ORDER = /** @type {const} */ (['ocr', 'mobilenet', 'minilm']);

/**
 * Every model and its compressed twin: one that lies beside it, or in `cache`, or will be made there.
 * @param {Readonly<Record<ModelId, Found>>} found
 * @param {string} cache  folder
 * @returns {Twins}
 */
export function openTwins(found, cache) {
  const look = (/** @type {Found} */ model) => twinOf(model, resolve(cache));
  const models = { ocr: look(found.ocr), minilm: look(found.minilm), mobilenet: look(found.mobilenet) };
  /** @type {Set<() => void>} */
  const listeners = new Set();

  /** @param {ModelId} id @param {Partial<Twin>} fields */
  function change(id, fields) {
    models[id] = { ...models[id], ...fields };
    for (const listener of listeners) listener();
  }

  return {
    models,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async makeMissing(signal, say) {
      for (const id of ORDER) {
        const { status, original } = models[id];
        if (status !== 'waiting' || !original || signal.aborted) continue;
        say(`${id}: compressing ${original.path}`);
        change(id, { status: 'making', progress: { phase: 'read' } });
        try {
          const made = await make(original, placeOf(original, resolve(cache)), signal, (progress) => change(id, { progress }));
          change(id, { status: 'ready', ...made });
          say(`${id}: ready, ${made.compressed.path}`);
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          change(id, { status: 'failed', message });
          say(`${id}: ${message}`);
        }
      }
    },
  };
}

/** @param {Found} found @param {string} cache @returns {Twin} */
function twinOf({ model, missing, beside }, cache) {
  if (!model) return { status: 'missing', beside, ...(missing !== undefined && { message: missing }) };
  const place = placeOf(model, cache);
  const compressed = twinBeside(model.path) ?? (existsSync(place.model) ? fileAt(place.model) : undefined);
  if (!compressed) return { status: 'waiting', original: model, beside };
  const isOurs = compressed.path === place.model && existsSync(place.report);
  return { status: 'ready', original: model, compressed, beside, ...(isOurs && { report: place.report }) };
}

/** Where the twin of a model is made: another file gets another place. @param {File} model @param {string} cache */
function placeOf({ path, bytes }, cache) {
  const name = basename(path).replace(/\.onnx$/i, '');
  const folder = join(cache, `${name}-${createHash('sha256').update(`${path} ${bytes}`).digest('hex').slice(0, 8)}`);
  return { folder, model: join(folder, `${name}.min.onnx`), report: join(folder, 'report.html') };
}

/**
 * @param {File} original
 * @param {ReturnType<typeof placeOf>} place
 * @param {AbortSignal} signal
 * @param {(progress: { phase: string, share?: number }) => void} onProgress
 */
async function make(original, place, signal, onProgress) {
  await mkdir(place.folder, { recursive: true });
  // The page shows what it measures itself, so that a latency missed on a busy machine is no reason to have nothing to show.
  const report = await compress(original.path, {
    output: place.model,
    target: 'wasm',
    keep: true,
    weigh: true,
    signal,
    onProgress: ({ phase, done, total }) => onProgress({ phase, ...(total > 0 && { share: done / total }) }),
  });
  if (!report.output) throw new Error('there is nothing to gain from this model');
  await writeFile(place.report, reportPage(report));
  return { compressed: fileAt(place.model), report: place.report };
}
