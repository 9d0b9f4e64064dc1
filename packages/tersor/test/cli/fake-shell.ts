import pc from 'picocolors';
import type { Library } from '../../src/cli/library.ts';
import { run } from '../../src/cli/run.ts';
import type { Screen, Shell } from '../../src/cli/shell.ts';
import type { Importances } from '../../src/core/importances.ts';
import type { Declaration } from '../../src/core/method.ts';
import { boolean, integer, number, oneOf } from '../../src/core/options.ts';
import type { PackReport, PrefixReport, UnpackReport } from '../../src/core/packing.ts';
import type { Declarations } from '../../src/core/parse-recipe.ts';
import { SENSITIVITY } from './sample-of-sensitivity.ts';
import { CHECK, COMPARISON, CONVERSION, FOLDER_CHECK, FOLDER_INSPECTION, FOLDER_REPORT, INSPECTION, PLANNED, REPORT } from './samples.ts';
import { COST, DEVICE } from './samples-of-cost.ts';

/** A screen that remembers. */
export interface FakeScreen extends Screen {
  readonly text: () => string;
}

export function fakeScreen(columns = 80, { live = false, colors = false } = {}): FakeScreen {
  let written = '';
  return {
    write(text) {
      written += text;
    },
    columns,
    live,
    colors: pc.createColors(colors),
    text: () => written,
  };
}

const declare = (declaration: Omit<Declaration, 'load' | 'source' | 'changes' | 'loss'>): Declaration => ({
  source: 'https://example.org/paper',
  changes: 'layout',
  loss: 'bounded',
  ...declaration,
  load: () => Promise.reject(new Error('no code behind a fake')),
});

/** Methods that exist in tests only, with every kind of option. */
export const FAKE_METHODS: Declarations = {
  rounding: declare({
    id: 'rounding',
    family: 'quantize',
    summary: 'Rounds weights to a few bits.',
    notes: 'Helps when\nfiles are large.\n\nLeaves biases alone.',
    options: {
      bits: integer(2, 8, { default: 8, doc: 'Bits per weight.', search: [4, 8] }),
      fit: oneOf(['absmax', 'mse', 'half-quadratic'], { default: 'mse', doc: 'How scales are found.' }),
      symmetric: boolean({ default: true, doc: 'No zero points.' }),
      keepIo: boolean({ default: false, doc: 'Inputs and outputs keep their type.' }),
      damping: number(-1, 1, { default: 0.5, doc: 'How much to hold back.' }),
    },
  }),
  tidy: declare({ id: 'tidy', family: 'graph', summary: 'Removes what does nothing.', options: {} }),
};

const IMPORTANCES: Importances = {
  name: 'imatrix.gguf',
  weights: new Map([['blk.0.ffn_up.weight', { meanSquares: new Float32Array(200).fill(1, 1).fill(201, 0, 1), counts: [1024] }]]),
  datasets: ['calib.txt'],
  chunks: 2,
  chunkTokens: 512,
};

const PACKED: PackReport = {
  input: { path: 'model.onnx', bytes: 1_000_000, sha256: '0'.repeat(64) },
  output: { path: 'model.onnx.tsr', bytes: 700_000 },
  headerBytes: 1000,
  streams: [
    { name: 'between the weights', type: 'bytes', bytes: 100_000, packed: 9000, forms: ['matches'] },
    { name: 'layer.weight', type: 'f32', bytes: 900_000, packed: 690_000, forms: ['planes', 'duplicate'] },
  ],
  seconds: 0.02,
};

const PREFIXED: PrefixReport = { input: { path: 'a.tsr', bytes: 2000 }, output: { path: 'b.tsr', bytes: 1000 }, bits: 4 };

const UNPACKED: UnpackReport = {
  input: { path: 'model.onnx.tsr', bytes: 700_000 },
  output: { path: 'model.onnx', bytes: 1_000_000, sha256: '0'.repeat(64) },
  seconds: 0.01,
};

export interface Call {
  readonly name: keyof Library;
  readonly args: readonly unknown[];
}

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  readonly calls: readonly Call[];
}

/** One command line against a library that only answers, in place of the one that works. */
export async function runFake(argv: readonly string[], answers: Partial<Library> = {}, columns = 80, methods = FAKE_METHODS): Promise<Ran> {
  const calls: Call[] = [];
  const out = fakeScreen(columns);
  const err = fakeScreen(columns);
  const library: Library = {
    compress: async () => REPORT,
    plan: async () => PLANNED,
    inspect: async () => INSPECTION,
    compressFolder: async () => FOLDER_REPORT,
    planFolder: async () => ({ ...FOLDER_REPORT, outcome: 'planned' }),
    inspectFolder: async () => FOLDER_INSPECTION,
    cost: async () => COST,
    measureDevice: async () => DEVICE,
    compare: async () => COMPARISON,
    convert: async () => CONVERSION,
    readImatrix: async () => IMPORTANCES,
    imatrixBytes: async () => Uint8Array.of(71),
    check: async () => CHECK,
    sensitivity: async () => SENSITIVITY,
    pack: async () => PACKED,
    prefix: async () => PREFIXED,
    unpack: async () => UNPACKED,
    checkFolder: async () => FOLDER_CHECK,
    ...answers,
  };
  const note = (name: keyof Library, ...args: readonly unknown[]) => void calls.push({ name, args });
  const recorded: Library = {
    compress(input, asked) {
      note('compress', input, asked);
      return library.compress(input, asked);
    },
    plan(input, asked) {
      note('plan', input, asked);
      return library.plan(input, asked);
    },
    inspect(input) {
      note('inspect', input);
      return library.inspect(input);
    },
    compressFolder(folder, asked) {
      note('compressFolder', folder, asked);
      return library.compressFolder(folder, asked);
    },
    planFolder(folder, asked) {
      note('planFolder', folder, asked);
      return library.planFolder(folder, asked);
    },
    inspectFolder(folder) {
      note('inspectFolder', folder);
      return library.inspectFolder(folder);
    },
    cost(input, asked) {
      note('cost', input, asked);
      return library.cost(input, asked);
    },
    measureDevice(asked) {
      note('measureDevice', asked);
      return library.measureDevice(asked);
    },
    compare(a, b, asked) {
      note('compare', a, b, asked);
      return library.compare(a, b, asked);
    },
    convert(input, asked) {
      note('convert', input, asked);
      return library.convert(input, asked);
    },
    readImatrix(paths) {
      note('readImatrix', paths);
      return library.readImatrix(paths);
    },
    imatrixBytes(importances, form) {
      note('imatrixBytes', form);
      return library.imatrixBytes(importances, form);
    },
    check(report, path, asked) {
      note('check', report, path, asked);
      return library.check(report, path, asked);
    },
    sensitivity(input, asked) {
      note('sensitivity', input, asked);
      return library.sensitivity(input, asked);
    },
    pack(input, asked) {
      note('pack', input, asked);
      return library.pack(input, asked);
    },
    prefix(input, asked) {
      note('prefix', input, asked);
      return library.prefix(input, asked);
    },
    unpack(input, asked) {
      note('unpack', input, asked);
      return library.unpack(input, asked);
    },
    checkFolder(report, folder, asked) {
      note('checkFolder', report, folder, asked);
      return library.checkFolder(report, folder, asked);
    },
  };
  const shell: Shell = {
    out,
    err,
    methods,
    library: recorded,
    interruptible: (work) => work({ signal: new AbortController().signal, enough: new AbortController().signal }),
  };
  return { status: await run(argv, shell), out: out.text(), err: err.text(), calls };
}
