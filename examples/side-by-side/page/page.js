import { bar, part } from './elements.js';
import { startRuntime } from './runtime.js';
import { openTrial, showWaiting } from './trial.js';
import { bytesText } from './units.js';
import { openLineView } from './views/line.js';
import { openPictureView } from './views/picture.js';
import { openSentencesView } from './views/sentences.js';

/** @typedef {import('./trial.js').Twin} Twin */

const VIEWS = { ocr: openLineView, mobilenet: openPictureView, minilm: openSentencesView };

const hero = /** @type {HTMLElement} */ (document.querySelector('header'));
const sections = Object.entries(VIEWS).map(([id, openView]) => {
  const section = document.getElementById(id);
  if (!section) throw new Error(`the page has no section "${id}"`);
  return { id, section, openView: (/** @type {Twin['beside']} */ beside, /** @type {() => void} */ ask) => openView(section, beside, ask) };
});
/** @type {Set<string>} */
const opened = new Set();

const runtime = startRuntime();
runtime.then(
  ({ about: { version, threads } }) => {
    part(hero, 'runtime').textContent = `onnxruntime-web ${version} · WebAssembly · ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  },
  (error) => {
    part(hero, 'runtime').textContent = `onnxruntime-web does not start here: ${error.message}`;
  },
);

/** Sections open one after the other: what loads must not disturb what is timed. */
let turn = Promise.resolve();
new EventSource('/events').addEventListener('message', ({ data }) => {
  /** @type {Readonly<Record<string, Twin>>} */
  const twins = JSON.parse(data);
  showTotal(Object.values(twins));
  for (const { id, section, openView } of sections) {
    const twin = twins[id];
    if (!twin || opened.has(id)) continue;
    showWaiting(section, twin);
    const { original, compressed } = twin;
    if (twin.status !== 'ready' || !original || !compressed) continue;
    opened.add(id);
    turn = turn.then(async () => {
      try {
        await openTrial(section, await runtime, { ...twin, original, compressed }, openView);
      } catch (error) {
        showWaiting(section, { ...twin, status: 'failed', message: error instanceof Error ? error.message : String(error) });
      }
    });
  }
});

/** @param {readonly Twin[]} twins */
function showTotal(twins) {
  let [original, compressed] = [0, 0];
  for (const twin of twins) {
    if (!twin.original || !twin.compressed) continue;
    original += twin.original.bytes;
    compressed += twin.compressed.bytes;
  }
  part(hero, 'total').hidden = compressed === 0;
  part(hero, 'before').textContent = bytesText(original);
  part(hero, 'after').textContent = bytesText(compressed);
  part(hero, 'total-bars').replaceChildren(bar('original', 1), bar('compressed', compressed / original));
}
