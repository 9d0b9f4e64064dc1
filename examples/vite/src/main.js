import { loadModel } from '@tersor/loader';
import * as ort from 'onnxruntime-web/wasm';
import { alphabetOf, lineTensor, readText } from '../../side-by-side/page/tasks/read-line.js';

/** @param {string} id @returns {any} */
const element = (id) => document.getElementById(id);
const [line, picture, progress, answer, facts] = ['line', 'picture', 'progress', 'answer', 'facts'].map(element);
const BASE = import.meta.env.BASE_URL;

ort.env.wasm.numThreads = 1;
const [session, alphabet] = await Promise.all([
  loadModel(`${BASE}rec.onnx.tsr`, {
    ort,
    sessionOptions: { executionProviders: ['wasm'] },
    onProgress: (done, total) => {
      progress.value = done / total;
      facts.textContent = `${(done / 1e6).toFixed(2)} of ${(total / 1e6).toFixed(2)} MB`;
    },
  }),
  fetch(`${BASE}ppocr_keys_v1.txt`).then(async (response) => alphabetOf(await response.text())),
]);

/** Draws the line as a picture, and has it read. */
async function read() {
  const context = picture.getContext('2d', { willReadFrequently: true });
  context.fillStyle = 'white';
  context.fillRect(0, 0, picture.width, picture.height);
  context.fillStyle = 'black';
  context.font = '30px sans-serif';
  context.fillText(line.value, 8, 34);
  const { dims, data } = lineTensor(context.getImageData(0, 0, picture.width, picture.height));
  const { [session.outputNames[0] ?? '']: output } = await session.run({ [session.inputNames[0] ?? '']: new ort.Tensor(data, dims) });
  if (!output) return;
  const { text, confidence } = readText(/** @type {Float32Array} */ (output.data), output.dims.at(-1) ?? 1, alphabet);
  answer.textContent = text;
  answer.title = `${Math.round(confidence * 100)} % sure`;
  document.dispatchEvent(new CustomEvent('answered', { detail: { input: data, dims, output: output.data } }));
}

line.addEventListener('input', read);
await read();
facts.textContent += `, first answer after ${(performance.now() / 1000).toFixed(2)} s`;
