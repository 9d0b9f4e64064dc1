import type { Option } from 'commander';
import type { Declaration } from '../core/method.ts';
import type { FlagName } from './flags.ts';
import { methodFlags } from './method-options.ts';
import type { Shell } from './shell.ts';
import { paragraphs } from './text/paragraphs.ts';

/** One command, as data: help, parsing and dispatch are made from it. The code is loaded when the command runs. */
export interface CommandSpec {
  /** With its arguments, as commander writes them: `compare <a> <b>`. */
  readonly name: string;
  /** One line, for lists. */
  readonly summary: string;
  readonly description?: string;
  readonly isDefault?: boolean;
  readonly flags?: readonly FlagName[];
  readonly options?: readonly Option[];
  readonly examples?: readonly string[];
  readonly commands?: readonly CommandSpec[];
  /** Arguments and flags come parsed by their declarations. @returns the exit status */
  // biome-ignore lint/suspicious/noExplicitAny: commander's parsed arguments and flags have the types that their declarations gave them
  readonly run?: (args: any[], flags: any, shell: Shell) => Promise<number>;
}

const JOB_FLAGS = [
  'recipe',
  'set',
  'tried',
  'type',
  'tensor',
  'imatrix',
  'saveRecipe',
  'report',
  'maxDrop',
  'maxSize',
  'maxCoded',
  'maxLatency',
  'maxMemory',
  'maxTime',
  'cache',
  'folderTarget',
  'dtype',
  'skip',
  'browser',
  'repair',
  'data',
  'preprocess',
  'samples',
  'subsets',
  'outputs',
  'eval',
  'seed',
  'threads',
  'weights',
  'json',
  'quiet',
] as const satisfies readonly FlagName[];

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'compress <model>',
    isDefault: true,
    summary: 'Make a model, or a folder of them, smaller and show that it still works (the default).',
    description:
      'Makes a model smaller, writes it, loads it in the runtime, and compares it with the original. Promises a drop of at most 1 % and a latency of at most 1.1x; a budget replaces the promise it names, and a recipe promises only that the result loads and is not larger. A folder is compressed as a whole: every model in it once, however many precisions of it there are, and what lies with them carried along.',
    flags: ['out', 'force', 'resume', 'keep', 'verify', 'dryRun', ...JOB_FLAGS],
    examples: [
      'tersor model.onnx',
      'tersor model.onnx -o small.onnx --data calib.npz --max-drop 0.5%',
      'tersor compress model.onnx --max-size 25MB --target wasm',
      "tersor model.onnx --data calib.npz --try 'gptq:bits=2|4|8,block=*' --try fp16:compute=float",
      'tersor compress model.onnx --recipe int8 --set rtn.block=32',
      'tersor all-MiniLM-L6-v2/ --target transformers.js --data sentences.txt',
      'tersor llama.gguf --type Q4_K_M --tensor output.weight=Q8_0',
      'tersor llama.gguf --type IQ4_XS --imatrix imatrix.gguf',
      'tersor llama.gguf --max-size 4GB --imatrix imatrix.gguf',
      'tersor llama-70b-00001-of-00004.gguf --type Q4_K_M --resume',
    ],
    run: async ([model], flags, shell) => (await import('./commands/compress.ts')).compressCommand(model, flags, shell),
  },
  {
    name: 'plan <model>',
    summary: 'Say what would be done and how large the result gets; compute nothing.',
    flags: JOB_FLAGS,
    examples: ['tersor plan model.onnx --recipe int4', 'tersor plan model.onnx --recipe int4 --json'],
    run: async ([model], flags, shell) => (await import('./commands/compress.ts')).planCommand(model, flags, shell),
  },
  {
    name: 'inspect <model>',
    summary: 'Show what is inside a model or a folder of them, and where the bytes are.',
    flags: ['weights', 'cost', 'shape', 'device', 'trace', 'report', 'force', 'json'],
    examples: [
      'tersor inspect model.onnx',
      'tersor inspect model.onnx --weights --json',
      'tersor inspect model.onnx --cost --shape input=1,3,224,224 --device raspberry-pi-4',
      'tersor inspect model.onnx --cost --report cost.html',
    ],
    run: async ([model], flags, shell) => (await import('./commands/inspect.ts')).inspectCommand(model, flags, shell),
  },
  {
    name: 'compare <a> <b>',
    summary: 'Measure what model b gives up and gains against model a.',
    flags: [
      'atLeast',
      'target',
      'browser',
      'data',
      'preprocess',
      'samples',
      'subsets',
      'outputs',
      'eval',
      'seed',
      'threads',
      'weights',
      'json',
      'quiet',
    ],
    examples: [
      'tersor compare model.onnx model.min.onnx',
      'tersor compare model.onnx model.min.onnx --data eval.npz --at-least 99%',
      'tersor compare SmolLM2-135M/model.safetensors smollm2.gguf',
    ],
    run: async ([a, b], flags, shell) => (await import('./commands/compare.ts')).compareCommand(a, b, flags, shell),
  },
  {
    name: 'convert <model> <out>',
    summary: 'Write the weights of a model in another format: ONNX, safetensors, GGUF.',
    description:
      'The endings of the names say the formats. A folder of Hugging Face, with config.json and tokenizer.json, becomes a GGUF file that llama.cpp runs; a GGUF file becomes safetensors by the names that PyTorch has for them, and a whole folder where the name ends in /: config.json and tokenizer.json with it. ONNX has a graph, which neither of them says: to write ONNX, name a model of the same network with --into, whose weights are then replaced. Nothing is rounded unless --type says so.',
    flags: ['intoModel', 'convertType', 'tensor', 'imatrix', 'force', 'resume', 'dryRun', 'threads', 'weights', 'json', 'quiet'],
    examples: [
      'tersor convert SmolLM2-135M/ smollm2.gguf',
      'tersor convert SmolLM2-135M/ smollm2.gguf --type Q4_K_M',
      'tersor convert llama.gguf llama/ --type F16',
      'tersor convert encoder.onnx model.safetensors',
      'tersor convert fine-tuned/model.safetensors fine-tuned.onnx --into model.onnx',
    ],
    run: async ([model, out], flags, shell) => (await import('./commands/convert.ts')).convertCommand(model, out, flags, shell),
  },
  {
    name: 'sensitivity <model>',
    summary: 'Measure what each layer can bear, and which cheap signs of it may be believed.',
    description:
      'Changes one layer at a time, by each of some steps, and measures what the outputs lose: what the search for a budget decides by. Says what each layer gets within a loss or a size and why, and how far cheap predictors put layers and steps in the order of the truth. Writes no model. Ctrl-C shows what is known by then; what was measured is kept for the next time.',
    flags: [
      'where',
      'tried',
      'maxLoss',
      'maxSize',
      'maxTime',
      'cache',
      'target',
      'data',
      'preprocess',
      'samples',
      'outputs',
      'seed',
      'threads',
      'html',
      'csv',
      'force',
      'weights',
      'json',
      'quiet',
    ],
    examples: [
      'tersor sensitivity model.onnx --data calib.npz',
      'tersor sensitivity model.onnx --data calib.npz --max-size 25% --html sensitivity.html',
      "tersor sensitivity model.onnx --try rtn:bits=4,block=32 --try rtn:bits=4,fit=hqq --where '**.attn.**' --csv attn.csv",
    ],
    run: async ([model], flags, shell) => (await import('./commands/sensitivity.ts')).sensitivityCommand(model, flags, shell),
  },
  {
    name: 'check <report> <model>',
    summary: 'Hold a model, or a folder of them, against its report.json: is it that file, and are the promises still kept?',
    description:
      'Compares size and hash of the model with what its report says, and measures every promise again, against the original and under the conditions that the report names. Made for continuous integration: status 1 when something is missed. Of a folder, every model is checked, and what lies beside them; --original is then the folder that was compressed. JavaScript that only the report names is not run; name it with --data or --eval.',
    flags: ['original', 'browser', 'data', 'eval', 'run', 'threads', 'json', 'quiet'],
    examples: [
      'tersor check report.json model.min.onnx',
      'tersor check report.json model.min.onnx --original models/model.onnx',
      'tersor check report.json whisper.min/',
    ],
    run: async ([report, model], flags, shell) => (await import('./commands/check.ts')).checkCommand(report, model, flags, shell),
  },
  {
    name: 'imatrix <files...>',
    summary: "Show what llama.cpp's imatrix files say; join several, or write them in the other form.",
    description:
      'An imatrix file holds, for every weight of a GGUF model, how much the columns of what it is multiplied by count: "tersor model.gguf --type Q4_K_M --imatrix file" rounds by it. llama-imatrix makes one of a text. Several are joined, each by its number of tokens.',
    flags: ['imatrixOut', 'force', 'json'],
    examples: [
      'tersor imatrix imatrix.gguf',
      'tersor imatrix english.dat german.dat -o both.gguf',
      'tersor imatrix imatrix.gguf -o imatrix.dat',
    ],
    run: async ([files], flags, shell) => (await import('./commands/imatrix.ts')).imatrixCommand(files, flags, shell),
  },
  {
    name: 'pack <file>',
    summary: 'Pack a model file so that the identical bytes come back, by an entropy coder that knows what weights are.',
    description:
      'Codes ONNX, safetensors, GGUF and .npz weight by weight, and any other file as plain bytes, into a .tsr container with a checksum for every part. "tersor unpack" gives back the identical file. Nothing is lost, so nothing has to be proven. Quantize before packing: floats shrink by a sixth to a third, what quantization leaves by less. With --base, weights are coded as what differs from those of the base, of the same name or of the same bytes: a fine-tuned model takes a fraction, and what did not change nothing.',
    flags: [
      'packOut',
      'packBase',
      'nested',
      'prefix',
      'lossless',
      'codingProfile',
      'force',
      'dryRunOfPacking',
      'threads',
      'weights',
      'json',
      'quiet',
    ],
    examples: [
      'tersor pack model.safetensors',
      'tersor pack model.onnx -o model.tsr',
      'tersor pack model.gguf --dry-run',
      'tersor pack tuned.safetensors --base model.safetensors',
      'tersor pack model.int8.onnx --nested -o model.tsr',
    ],
    run: async ([file], flags, shell) => (await import('./commands/pack.ts')).packCommand(file, flags, shell),
  },
  {
    name: 'unpack <file>',
    summary: 'Give back the file that was packed, bit for bit.',
    description:
      'Every part is checked against its checksum, and the whole against its SHA-256. A damaged container is an error, and leaves nothing behind.',
    flags: ['unpackOut', 'unpackBase', 'force', 'dryRunOfUnpacking', 'json', 'quiet'],
    examples: [
      'tersor unpack model.onnx.tsr',
      'tersor unpack model.tsr -o model.onnx',
      'tersor unpack model.tsr --dry-run',
      'tersor unpack tuned.safetensors.tsr --base model.safetensors',
    ],
    run: async ([file], flags, shell) => (await import('./commands/pack.ts')).unpackCommand(file, flags, shell),
  },
  {
    name: 'prefix <file>',
    summary: 'Write the first bits of a container whose bits are nested as a container of its own.',
    description:
      'Takes what "tersor pack --nested" made, and copies its planes up to so many bits a weight, with checksums of their own. Nothing is coded anew. "tersor unpack" gives a model of the same form, whose weights have fewer different values.',
    flags: ['bits', 'prefixOut', 'force', 'json'],
    examples: ['tersor prefix model.tsr --bits 4 -o model-4.tsr'],
    run: async ([file], flags, shell) => (await import('./commands/pack.ts')).prefixCommand(file, flags, shell),
  },
  {
    name: 'record <command...>',
    summary: 'Run your application and keep what it feeds to its models, as data for --data.',
    description:
      'Runs a command and keeps, of every session that onnxruntime-node or onnxruntime-web creates in it, a fair sample of the inputs: by default 256 runs or, of models with state, sequences. The application is not changed. Nothing leaves this machine: inputs are written to the folder alone, readable by you alone, one folder for each model. In code: import { record } from "tersor/record".',
    flags: ['into', 'samples', 'steps', 'maxBytes', 'seed', 'quiet'],
    examples: [
      'tersor record -- node app.js',
      'tersor record --into recorded --samples 500 -- npm start',
      'tersor model.onnx --data recorded',
    ],
    run: async ([command], flags, shell) => (await import('./commands/record.ts')).recordCommand(command, flags, shell),
  },
  {
    name: 'methods [id]',
    summary: 'List the methods, or show the page of one.',
    flags: ['json'],
    examples: ['tersor methods', 'tersor methods rtn'],
    run: async ([id], flags, shell) => (await import('./commands/methods.ts')).methodsCommand(id, flags, shell),
  },
  {
    name: 'recipe',
    summary: 'Check a recipe, list the presets, or print the JSON Schema.',
    commands: [
      {
        name: 'check <recipe> [model]',
        summary: 'Check steps, options and rules; with a model, that every rule selects something.',
        flags: ['json'],
        examples: ['tersor recipe check my.recipe.json', 'tersor recipe check int4 model.onnx'],
        run: async ([name, model], flags, shell) => (await import('./commands/recipe.ts')).recipeCheckCommand(name, model, flags, shell),
      },
      {
        name: 'presets',
        summary: 'List the recipes that come with tersor.',
        run: async (_args, _flags, shell) => (await import('./commands/recipe.ts')).recipePresetsCommand(shell),
      },
      {
        name: 'schema',
        summary: 'Print the JSON Schema of recipes, for editors.',
        examples: ['tersor recipe schema > recipe.schema.json'],
        run: async (_args, _flags, shell) => (await import('./commands/recipe.ts')).recipeSchemaCommand(shell),
      },
    ],
  },
  {
    name: 'device',
    summary: 'List the devices that costs are predicted for, or measure this machine.',
    commands: [
      {
        name: 'list',
        summary: 'List the devices that come with tersor.',
        flags: ['json'],
        run: async (_args, flags, shell) => (await import('./commands/device.ts')).deviceListCommand(flags, shell),
      },
      {
        name: 'measure',
        summary: 'Measure this machine with tiny models; the profile is for --device.',
        description:
          'Runs tiny models on one thread and writes what products, elements and memory reach: the profile that --device reads. Takes some ten seconds, and is as true as the machine is quiet.',
        flags: ['profile', 'deviceName', 'target', 'force', 'quiet'],
        examples: ['tersor device measure -o here.json', 'tersor inspect model.onnx --device here.json'],
        run: async (_args, flags, shell) => (await import('./commands/device.ts')).deviceMeasureCommand(flags, shell),
      },
      {
        name: 'schema',
        summary: 'Print the JSON Schema of profiles, for editors.',
        examples: ['tersor device schema > device.schema.json'],
        run: async (_args, _flags, shell) => (await import('./commands/device.ts')).deviceSchemaCommand(shell),
      },
    ],
  },
  {
    name: 'explain [code]',
    summary: 'Explain an error: what it means, what causes it, what to do.',
    examples: ['tersor explain', 'tersor explain RULE_UNMATCHED'],
    run: async ([code], _flags, shell) => (await import('./commands/explain.ts')).explainCommand(code, shell),
  },
];

/** The command of a method. Its result is named, so there is no budget and no recipe: it promises a file that loads and is not larger. */
export function methodSpec(method: Declaration): CommandSpec {
  const { id, summary, notes } = method;
  return {
    name: `${id} <model>`,
    summary,
    description: [summary, ...paragraphs(notes ?? '')].join('\n\n'),
    options: methodFlags(method),
    flags: [
      'where',
      'out',
      'force',
      'resume',
      'verify',
      'dryRun',
      'folderTarget',
      'dtype',
      'skip',
      'browser',
      'repair',
      'data',
      'preprocess',
      'samples',
      'subsets',
      'outputs',
      'eval',
      'seed',
      'threads',
      'saveRecipe',
      'report',
      'weights',
      'json',
      'quiet',
    ],
    examples: [`tersor ${id} model.onnx -o small.onnx`, `tersor methods ${id}`],
    run: async ([model], flags, shell) => (await import('./commands/method.ts')).methodCommand(method, model, flags, shell),
  };
}
