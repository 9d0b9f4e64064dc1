import { Option } from 'commander';
import { TersorError } from '../core/error.ts';
import { DTYPES } from '../core/folder-report.ts';
import { nearest } from '../core/nearest.ts';
import { MAX_SEED, TARGETS } from '../core/parse-recipe.ts';
import type { AskedShapes } from '../cost/bind-shapes.ts';
import { parsePreprocess } from '../data/preprocess.ts';
import { parseBytes, parseDuration, parseInteger, parseRatio, parseShare, parseSize } from './quantities.ts';

/** Every flag that is not a method's option, declared once: parsing, help and nearest names come from here. */
export const FLAGS = {
  out: () =>
    new Option(
      '-o, --out <file>',
      'Where to write: a name that ends with .tsr packs it, and sizes are then what a download takes. Default: <name>.min.<ext> in this folder; of a folder <name>.min.',
    ),
  force: () => new Option('--force', 'Overwrite the output if it exists. The input is never overwritten.'),
  resume: () =>
    new Option(
      '--resume',
      'Go on where an interrupted run of the same command stopped, and keep what is written when this one is interrupted. With a recipe or --type: a search keeps what it measured of itself.',
    ),
  report: () =>
    new Option(
      '--report <file>',
      'Write what was done and measured: report.html to look at, report.json for "tersor check". Repeatable.',
    ).argParser(collectReports),
  maxDrop: () => new Option('--max-drop <share>', 'Most quality that may be lost: 1% or 0.01.').argParser(parsed('--max-drop', parseShare)),
  maxSize: () =>
    new Option('--max-size <size>', 'Largest file: 25MB, 300kB or 25% of the original.').argParser(parsed('--max-size', parseSize)),
  maxCoded: () =>
    new Option(
      '--max-coded <size>',
      'Most bytes that "tersor pack" may leave of it, what a download takes: 12MB or 15% of the original.',
    ).argParser(parsed('--max-coded', parseSize)),
  maxLatency: () =>
    new Option('--max-latency <ratio>', 'Latency against the original: 0.8x or 80%.').argParser(parsed('--max-latency', parseRatio)),
  maxMemory: () =>
    new Option('--max-memory <size>', 'Most memory the runtime may take: 500MB.').argParser(parsed('--max-memory', parseBytes)),
  maxTime: () =>
    new Option('--max-time <time>', 'Search no longer than that: 90s, 10m or 1h. What is best by then is written and proven.').argParser(
      parsed('--max-time', parseDuration),
    ),
  cache: () =>
    new Option('--no-cache', 'Measure everything anew, and keep nothing for the next search. TERSOR_CACHE names another folder for it.'),
  recipe: () => new Option('--recipe <file|preset>', 'Do what a recipe says instead of choosing; a model that tersor made has one inside.'),
  set: () =>
    new Option('--set <step.option=value>', 'Change an option of the recipe; step is a method or its number. Repeatable.').argParser(
      collect,
    ),
  type: () =>
    new Option('--type <name>', 'Of a GGUF model: what its weights become, as llama.cpp calls it: Q4_K_M. The same as the method gguf.'),
  tensor: () =>
    new Option(
      '--tensor <pattern=type>',
      'Of a GGUF model: another type for some tensors: attn_v=Q8_0. * crosses no ".", ** does. Repeatable; without --type, of Q4_K_M, or of what --max-size has room for.',
    ).argParser(collect),
  imatrix: () =>
    new Option(
      '--imatrix <file>',
      "Of a GGUF model: llama.cpp's imatrix file of it, by which errors count. Without --type, for Q4_K_M, or what --max-size has room for.",
    ),
  saveRecipe: () => new Option('--save-recipe <file>', 'Write the recipe that was used, to repeat it with --recipe.'),
  target: () =>
    new Option('--target <runtime>', `What the result will run on: ${TARGETS.join(' | ')}. Default node.`).argParser(
      oneOf('--target', TARGETS),
    ),
  folderTarget: () =>
    new Option(
      '--target <runtime>',
      `What the result will run on: ${TARGETS.join(' | ')}; or transformers.js, whose names files then get. Default node.`,
    ).argParser(oneOf('--target', [...TARGETS, 'transformers.js'])),
  dtype: () =>
    new Option(
      '--dtype <name>',
      'Of a folder for transformers.js: the dtype that its files are named for. Default: what most of their weights are.',
    ).argParser(oneOf('--dtype', DTYPES)),
  skip: () =>
    new Option('--skip <pattern>', 'Of a folder: models that stay as they are; * crosses no "." or "/", ** does. Repeatable.').argParser(
      collect,
    ),
  browser: () =>
    new Option(
      '--browser',
      'Prove in a headless browser, too (the one of CHROME_PATH, or that is found), on WebAssembly or, with --target webgpu, WebGPU. Needs: npm i -D playwright-core.',
    ),
  repair: () =>
    new Option('--no-repair', 'Follow the recipe to the letter where halves would overflow or outputs are worthless; only say so.'),
  data: () =>
    new Option(
      '--data <path>',
      'Inputs to choose by and prove with: .npz, .txt or .jsonl (with tokenizer.json beside the model), a folder of .npz, of pictures, of .wav or of .txt, what "tersor record" kept, or a JS module. For a folder of models: a folder with one of these per model, named like it, or one for every model that it fits.',
    ),
  preprocess: () =>
    new Option(
      '--preprocess <settings>',
      'How pictures and sound become inputs: size=224x224,scale=1/255,mean=0.485/0.456/0.406,std=0.229/0.224/0.225,channels=rgb,layout=nchw. Default: preprocessor_config.json beside the model, then the shape and type of the input.',
    ).argParser(checked(parsePreprocess)),
  samples: () => new Option('--samples <n>', 'How many samples to use.').argParser(count('--samples', 1, 1e6)),
  subsets: () =>
    new Option(
      '--subsets <n>',
      'Also measure on so many parts of the samples, dealt by lot, to see how much the quality depends on the data, and name the part that is most like all of them.',
    ).argParser(count('--subsets', 2, 1000)),
  outputs: () =>
    new Option('--output <name=kind>', 'How an output is judged: classes | value | state. Repeatable.').argParser(collectOutputs),
  eval: () =>
    new Option('--eval <module>', 'A JS module whose default export scores a session, also by the samples of --data; higher is better.'),
  into: () => new Option('--into <folder>', 'Where to keep what is recorded.').default('recorded'),
  intoModel: () => new Option('--into <model>', 'The ONNX model whose weights are replaced; the result is a copy of it.'),
  convertType: () =>
    new Option(
      '--type <name>',
      "What floats become: F32, F16 or BF16; of GGUF, any of llama.cpp's types and mixes: Q4_K_M. Default: what they are.",
    ),
  steps: () => new Option('--steps <n>', 'Longer sequences of models with state are cut. Default 256.').argParser(count('--steps', 1, 1e5)),
  maxBytes: () =>
    new Option('--max-bytes <size>', 'Most that is kept of one model: 500MB, the default.').argParser(parsed('--max-bytes', parseBytes)),
  atLeast: () =>
    new Option('--at-least <share>', 'Exit with status 1 when the quality is lower: 99% or 0.99.').argParser(
      parsed('--at-least', parseShare),
    ),
  original: () =>
    new Option('--original <file>', 'The model that was compressed, to compare with. Default: the path that the report names.'),
  run: () => new Option('--no-run', 'Look at the file alone, its size and hash; run nothing.'),
  where: () =>
    new Option('--where <pattern>', 'Only weights with such a name; * crosses no "." or "/", ** does. Repeatable.').argParser(collect),
  keep: () =>
    new Option('--keep', 'Leave the file behind even when a promise is missed. Ctrl-C then ends the search with the best so far.'),
  verify: () => new Option('--no-verify', 'Write without running the result: quicker, and nothing is proven. For recipes and methods.'),
  dryRun: () => new Option('--dry-run', 'Say what would be done and how large it gets; compute and write nothing.'),
  seed: () => new Option('--seed <n>', 'Where random numbers start. Default 0.').argParser(count('--seed', 0, MAX_SEED)),
  threads: () => new Option('--threads <n>', 'Threads to work with. Default: all cores.').argParser(count('--threads', 1, 1024)),
  cost: () => new Option('--cost', 'Also count operations, bytes and memory of one run, operator by operator.'),
  shape: () =>
    new Option(
      '--shape <name=sizes>',
      'Sizes that the cost is for: of an input, input=1,3,224,224, or of a free size, sequence=128. Repeatable. Default: guessed, and said.',
    ).argParser(collectShapes),
  device: () =>
    new Option('--device <name|file>', 'Predict time and energy on a device: a name from "tersor device list", or a profile of your own.'),
  trace: () => new Option('--trace', 'Run the model once and take all shapes from that run, instead of inferring them.'),
  deviceName: () => new Option('--name <text>', 'How the profile calls this machine.'),
  imatrixOut: () =>
    new Option('-o, --out <file>', 'Write it: *.dat in the older form, others in the GGUF form. Default: nothing is written.'),
  packOut: () => new Option('-o, --out <file>', 'Where to write. Default: <name>.tsr in this folder.'),
  unpackOut: () => new Option('-o, --out <file>', 'Where to write. Default: the name that the file had, in this folder.'),
  nested: () =>
    new Option(
      '--nested',
      'Bits of 8-bit weights one after the other: the container is valid wherever a plane of 2 to 8 bits ends. See tersor prefix.',
    ),
  prefix: () => new Option('--prefix <bits>', 'The same, and only the planes up to so many bits.').argParser(count('--prefix', 2, 8)),
  prefixOut: () => new Option('-o, --out <file>', 'Where to write.').makeOptionMandatory(),
  bits: () => new Option('--bits <n>', 'Bits a weight, 2 to 8: the most.').argParser(count('--bits', 2, 8)).makeOptionMandatory(),
  packBase: () =>
    new Option(
      '--base <file>',
      'An earlier version, or the model that this one was fine-tuned from: what differs is packed, and unpacking takes that file again. A file, an index of several, or their folder.',
    ),
  unpackBase: () => new Option('--base <file>', 'The file that it was packed with, where that was so: the same bytes.'),
  codingProfile: () =>
    new Option(
      '--profile <name>',
      'max: smaller still by up to one percent, unpacked some ten times slower. Takes default | max. Default default.',
    ).argParser(oneOf('--profile', ['default', 'max'])),
  lossless: () => new Option('--lossless', 'The identical bytes come back: always so, but with --prefix.'),
  dryRunOfPacking: () => new Option('--dry-run', 'Say how small it gets; write nothing.'),
  dryRunOfUnpacking: () => new Option('--dry-run', 'Check every byte; write nothing.'),
  profile: () => new Option('-o, --out <file>', 'Where to write the profile. Default: it is printed.'),
  tried: () =>
    new Option(
      '--try <steps>',
      'What to try on every layer, instead of what the search tries: rtn:bits=4,block=32. Several values with |, all that are worth trying with *: gptq:bits=2|4,block=*; several steps one after the other with +. Repeatable.',
    ).argParser(collect),
  maxLoss: () =>
    new Option(
      '--max-loss <loss>',
      'What layers may lose together, in the unit of the losses, to say what each gets. Default 0.01.',
    ).argParser(positive('--max-loss')),
  html: () => new Option('--html <file>', 'Write a page to look at.'),
  csv: () => new Option('--csv <file>', 'Write a line for each layer and step.'),
  weights: () => new Option('--weights', 'List every weight, not only the largest.'),
  json: () => new Option('--json', 'Print data instead of text; errors too.'),
  quiet: () => new Option('-q, --quiet', 'No progress and no messages; only the result and errors.'),
} as const;

export type FlagName = keyof typeof FLAGS;

const OUTPUT_KINDS = ['classes', 'value', 'state'] as const;
export type OutputKinds = Readonly<Record<string, (typeof OUTPUT_KINDS)[number]>>;

function parsed<T>(flag: string, parse: (text: string, flag: string) => T): (text: string) => T {
  return (text) => parse(text, flag);
}

/** Hands the text on, once it is known to be one. */
function checked(parse: (text: string) => unknown): (text: string) => string {
  return (text) => {
    parse(text);
    return text;
  };
}

function count(flag: string, min: number, max: number): (text: string) => number {
  return (text) => parseInteger(text, flag, min, max);
}

function positive(flag: string): (text: string) => number {
  return (text) => {
    const value = /^\d*\.?\d+(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (value > 0 && Number.isFinite(value)) return value;
    throw new TersorError('OPTION_VALUE', flag, `"${text}"`, 'it takes a number above 0, such as 0.01');
  };
}

function oneOf<const T extends string>(flag: string, values: readonly T[]): (text: string) => T {
  return (text) => {
    const value = values.find((known) => known === text);
    if (value) return value;
    const close = nearest(text, values);
    throw new TersorError('OPTION_VALUE', flag, `"${text}"`, close ? `did you mean "${close}"?` : `it takes ${values.join(' | ')}`);
  };
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function collectReports(path: string, before: readonly string[] = []): readonly string[] {
  if (!/\.(html|json)$/i.test(path))
    throw new TersorError('OPTION_VALUE', '--report', `"${path}"`, 'it takes a name that ends in .html or .json');
  return collect(path, before);
}

/** Sizes may be zero: a cache that is still empty. */
function collectShapes(text: string, before: AskedShapes = {}): AskedShapes {
  const split = text.lastIndexOf('=');
  const sizes = text.slice(split + 1).split(/[,x]/);
  if (split <= 0 || !sizes.every((size) => /^\d{1,16}$/.test(size)))
    throw new TersorError('OPTION_VALUE', '--shape', `"${text}"`, 'it takes name=sizes, such as input=1,3,224,224 or sequence=128');
  return { ...before, [text.slice(0, split)]: sizes.map(Number) };
}

function collectOutputs(text: string, before: OutputKinds = {}): OutputKinds {
  const split = text.lastIndexOf('='); // the name of an output may contain one
  if (split <= 0)
    throw new TersorError('OPTION_VALUE', '--output', `"${text}"`, 'it takes name=kind, such as logits=classes; the file to write is -o');
  const name = text.slice(0, split);
  const kind = oneOf(`--output ${name}`, OUTPUT_KINDS)(text.slice(split + 1));
  return { ...before, [name]: kind };
}
