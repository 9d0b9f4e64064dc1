import type { ErrorCode } from '../../core/error.ts';

/** The page of one error: what it means beyond its one line in the catalogue, what usually causes it, and what to do. */
export interface ErrorPage {
  readonly meaning: string;
  readonly causes: readonly string[];
  readonly actions: readonly string[];
}

export const ERROR_PAGES = {
  USAGE: {
    meaning:
      'A command, an argument or a combination of flags does not exist, or something that is needed was left out. Nothing was read or written.',
    causes: [
      'A command is misspelt.',
      'The model was left out, or two were given where one is taken.',
      '--set names a step that the recipe does not have.',
      '-o names the input, which is never overwritten.',
    ],
    actions: ['Follow the "did you mean" of the message.', 'See what a command takes: tersor help <command>'],
  },
  OPTION_UNKNOWN: {
    meaning: 'A flag, or an option of a step in a recipe, has a name that the command or method does not know. Options are never ignored.',
    causes: ['The name is misspelt.', 'The option belongs to another method or command.', 'The flag comes from a newer version of tersor.'],
    actions: [
      'Follow the "did you mean" of the message.',
      "See a method's options: tersor methods <id>",
      'See the flags of a command: tersor help <command>',
    ],
  },
  OPTION_VALUE: {
    meaning: 'An option exists, but not with this value. The message says what it takes.',
    causes: ['The value is out of range.', 'A size has no unit: write 25MB, not 25.', '1 could be 1 % or everything: write 1% or 0.01.'],
    actions: ['Choose a value that the message allows.'],
  },
  RULE_UNMATCHED: {
    meaning:
      'A rule of a recipe (or --where) selects no layer of this model. A rule that does nothing is a mistake, so it is not passed over.',
    causes: [
      'The recipe was made for another model, or for another export of the same one.',
      'The pattern uses one * where names contain "." or "/": * crosses neither, ** does.',
      'The weight is a bias or a constant; rules select matrices that a layer computes with.',
    ],
    actions: ['See the names: tersor inspect <model> --weights', 'Try the recipe on the model: tersor recipe check <recipe> <model>'],
  },
  METHOD_UNKNOWN: {
    meaning: 'A recipe, --set or a command names a method that this tersor does not have.',
    causes: ['The name is misspelt.', 'The recipe comes from a newer version.'],
    actions: ['See all methods: tersor methods'],
  },
  RECIPE_INVALID: {
    meaning:
      'A file that was given as a recipe is not JSON, or does not have the shape of a recipe: { "version": 1, "steps": [{ "use": "<method>", ... }] }.',
    causes: [
      'A comma or a bracket is missing.',
      'A field is misspelt or in the wrong place.',
      'The file is something else, such as a model.',
    ],
    actions: ['Check it: tersor recipe check <file>', 'Let an editor complete and check it: tersor recipe schema > recipe.schema.json'],
  },
  DEVICE_INVALID: {
    meaning: 'What was given with --device is neither the name of a device that comes with tersor nor the JSON of a profile.',
    causes: ['The name is misspelt.', 'A number is missing, or is not above zero.', 'A field is misspelt or in the wrong place.'],
    actions: [
      'See the names: tersor device list',
      'Measure a machine of your own: tersor device measure -o device.json',
      'Let an editor check it: tersor device schema > device.schema.json',
    ],
  },
  REPORT_INVALID: {
    meaning:
      'What was given as a report.json is not one, is of a run that left no file, or names another original than the one that was found.',
    causes: [
      'The file is something else, such as a recipe, or was written by a version that did not note under which conditions it measured.',
      'The original was changed or exported anew since the report was written.',
    ],
    actions: ['Write it anew: tersor <model> --report report.json', 'Name the model that was compressed: --original <file>'],
  },
  SHAPE: {
    meaning: 'A method was told to change a weight whose shape it cannot work with.',
    causes: ['A rule selects a weight that is not a matrix.', 'A block does not fit the length of a row.'],
    actions: ['Leave the weight out with a narrower rule.', 'Choose another block size.'],
  },
  LAYOUT: {
    meaning: 'A weight is stored in a way that this step cannot start from, or that the file format or target cannot hold.',
    causes: [
      'The model is quantized already: its weights are integers, and quantizing them again would lose twice.',
      'Two steps of a recipe change the layout of the same weight.',
      'The target has no operator for these bits or this block.',
    ],
    actions: [
      'Start from the original model.',
      'Give the two steps rules that do not overlap.',
      'See what the weights are: tersor inspect <model> --weights',
    ],
  },
  DATA_INVALID: {
    meaning: 'The inputs given with --data do not fit the model.',
    causes: [
      'An array is not named like an input of the model.',
      'A shape or a type differs from what the model declares.',
      'The data holds no samples, or values that are not finite.',
      'A file of a folder is broken, or not what its name says.',
      'Text is given, and no tokenizer.json lies beside the model.',
    ],
    actions: [
      "See the inputs' names, types and shapes: tersor inspect <model>",
      'Name the arrays of the .npz like the inputs.',
      'For text, pictures and sound, put tokenizer.json or preprocessor_config.json beside the model, or use --preprocess.',
    ],
  },
  FILE_MISSING: {
    meaning: 'A file that was named, or that a model refers to, is not there or may not be read.',
    causes: [
      'The path is misspelt, or relative to another folder.',
      "The model's external data (often <name>.onnx_data) was not downloaded with it.",
      'The file belongs to another user.',
    ],
    actions: ['Check the path.', 'Put the data file beside the model, under the name that the message gives.'],
  },
  FILE_EXISTS: {
    meaning: 'The output exists already. Nothing was overwritten.',
    causes: ['The command ran before.', 'Another file has that name, or its external data does.'],
    actions: ['Choose another name.', 'Overwrite with --force. The input itself is never overwritten.'],
  },
  FILE_CORRUPT: {
    meaning:
      'The file contradicts itself: lengths, offsets, types or references do not fit together. It was refused before anything was computed.',
    causes: [
      'A download was cut short.',
      'The file was damaged, or was made by a faulty exporter.',
      'The file was made to attack its reader.',
    ],
    actions: [
      'Download or export it again, and compare its size or checksum with the source.',
      'If onnxruntime loads it, we want to know: npm bugs tersor',
    ],
  },
  FILE_LIMIT: {
    meaning:
      'The file asks for more than any honest file does: nesting, counts or sizes beyond named limits. The limits keep hostile files from taking memory and time.',
    causes: ['The file is damaged in a place that holds a length.', 'The file was made to attack its reader.'],
    actions: ['Download or export it again.', 'If the model is real, we want to know which limit it meets: npm bugs tersor'],
  },
  FILE_UNSUPPORTED: {
    meaning: 'The file is not in a format that tersor reads, or in a version that it does not know yet.',
    causes: [
      'git-lfs left a pointer in place of the model.',
      'A web page with an error was saved in place of the model.',
      'The model is still packed in a .zip or .gz.',
      'The model comes from another framework and was not exported to ONNX.',
    ],
    actions: ['Follow the hint of the message; it says what the file looks like.', 'For git-lfs: git lfs pull'],
  },
  BASE_MISSING: {
    meaning:
      'A container was packed with --base: it holds what differs from another file, its base. To unpack it takes the very file that it was packed with, bit for bit. The message has its name, and its length and SHA-256 where another file was given.',
    causes: [
      '--base was left out.',
      'The base was changed since, or is another version.',
      'A folder was given, and the base is not in it.',
    ],
    actions: [
      'Give the base: tersor unpack model.tsr --base old.safetensors',
      'Compare the SHA-256 of the message with that of your file.',
      'Commands that take any model take one that is unpacked.',
    ],
  },
  FILE_WRITE: {
    meaning: 'The output could not be written. No part of it was left behind.',
    causes: ['The disk is full.', 'The folder does not exist, or may not be written to.'],
    actions: ['Make room, or write elsewhere.'],
  },
  MODEL_INVALID: {
    meaning: 'The file can be read, but the runtime refuses to load it. The message quotes the runtime.',
    causes: [
      'The model uses operators or versions that this runtime does not have.',
      'The original is broken; tersor tries the original, too, and says which of the two is refused.',
    ],
    actions: [
      'Load the original in the runtime to see whether it is at fault.',
      'If only the result of tersor is refused, we want to know: npm bugs tersor',
    ],
  },
  RUN_FAILED: {
    meaning: 'The model loads, but running it on the samples fails. The message quotes the runtime.',
    causes: [
      'Inputs that were made up do not suit the model: indices out of range, lengths that must agree.',
      'The data has shapes that the model does not take.',
    ],
    actions: ['Give real inputs: --data <inputs.npz>', "See the inputs' types and shapes: tersor inspect <model>"],
  },
  ENGINE_MISSING: {
    meaning: 'No runtime could be loaded, so nothing can be measured.',
    causes: [
      'onnxruntime-node has no build for this system, and onnxruntime-web is not installed.',
      'The installation was cut short.',
      '--browser was given, and there is no Chrome, Chromium or Edge, or playwright-core, which starts it, is not installed.',
      'The browser offers no WebGPU adapter.',
    ],
    actions: [
      'Install it: ONNXRUNTIME_NODE_INSTALL=skip npm i onnxruntime-node',
      'Repeat npm install.',
      'For --browser: npm i -D playwright-core, and name the browser with CHROME_PATH if it is not found.',
    ],
  },
  ENGINE_CRASHED: {
    meaning:
      'The runtime died while it loaded or ran a model. It runs in a process of its own, so tersor lived to say so, and nothing was left behind.',
    causes: ['Memory ran out.', 'The model triggers a bug in the native runtime.'],
    actions: [
      'Free memory, or use smaller samples: --samples 4',
      'Try the other runtime: --target wasm',
      'If it happens again, tell us which model: npm bugs tersor',
    ],
  },
  PROMISE_MISSED: {
    meaning:
      'A result was made and measured, and does not keep what was asked: it is too large, loses too much, or is too slow. It was not left behind unless --keep was given.',
    causes: ['The budgets contradict each other for this model.', 'The data is harder than the model can bear at that size.'],
    actions: [
      'Loosen the promise that the report marks as missed.',
      'Look at the file anyway: --keep',
      'Give more or more typical inputs: --data',
    ],
  },
  INTERRUPTED: {
    meaning: 'The work was stopped on request. No part of the output was left behind, unless --resume is to go on with it.',
    causes: ['Ctrl-C, or the end of the session.', 'A program that uses the library aborted its signal.'],
    actions: ['Run the command again; with --resume where that was asked for.'],
  },
  INTERNAL: {
    meaning:
      'Something happened that tersor did not expect. This is a mistake of ours, not of yours. No part of the output was left behind.',
    causes: ['A case that no test covers yet.'],
    actions: ['Report it with the lines below the message and, if you can, the model: npm bugs tersor'],
  },
} as const satisfies Record<ErrorCode, ErrorPage>;
