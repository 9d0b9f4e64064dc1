import { BLOCK_TYPES, WRITABLE_BLOCKS, type WritableBlock } from '../../core/blocks/block-types.ts';
import { decode, denseOf } from '../../core/decode.ts';
import { describe } from '../../core/describe.ts';
import { type DType, elementsOf } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import type { WeightId } from '../../core/graph.ts';
import type { Importances } from '../../core/importances.ts';
import type { BlockSearch, Kernels } from '../../core/kernels.ts';
import { bytesOf, type Layout } from '../../core/layout.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import { type Model, mapWeights, type Weight } from '../../core/model.ts';
import { nearest } from '../../core/nearest.ts';
import { file, names, oneOf } from '../../core/options.ts';
import { toHalves } from '../../core/precision/to-halves.ts';
import { changeRows } from '../../core/rows.ts';
import { globOf } from '../../core/rules.ts';
import type { Tensor } from '../../core/tensor.ts';
import { type ColumnImportances, columnImportances } from '../column-importances.ts';
import { fileTypeOf, isBlocks, MIX_IDS, type TensorType, typeForShortBlocks, typesOfMix } from '../ggml-mixes.ts';

const TENSOR_TYPES: readonly TensorType[] = ['F32', 'F16', 'BF16', ...WRITABLE_BLOCKS];

/** Versions of ggml's block types so far: all that it ever wrote into GGUF files are of the second. */
const QUANTIZATION_VERSION = 2;

/** The mixes that lose least at their size: others of about as many bytes predict worse. */
const SIZES = [
  ...(['F16', 'Q8_0', 'Q6_K', 'Q5_K_M', 'Q5_K_S', 'Q4_K_M', 'Q4_K_S', 'IQ4_XS', 'Q3_K_L', 'Q3_K_M'] as const),
  ...(['IQ3_M', 'IQ3_S', 'IQ3_XS', 'IQ3_XXS', 'IQ2_M', 'IQ2_S', 'IQ2_XS', 'IQ2_XXS', 'IQ1_M', 'IQ1_S'] as const),
];

const options = {
  type: oneOf(MIX_IDS, {
    default: 'Q4_K_M',
    doc: "llama.cpp's name of the mix: a type for most weights, and more bits for those that need them.",
    search: SIZES,
  }),
  tensor: names({
    default: [],
    doc: 'Types of some tensors: pattern=type, such as blk.*.attn_v.weight=Q8_0. * crosses no ".", ** does; without a *, what contains the pattern. The last that fits counts.',
  }),
  search: oneOf(['best', 'reference'], {
    default: 'best',
    doc: "best: scales with a smaller squared error than llama.cpp's, and for rows that are not multiples of 256 a type of no more bytes where there is one; reference: what llama.cpp makes, byte for byte.",
  }),
  imatrix: file({
    default: '',
    doc: 'An imatrix file of llama.cpp for this model: errors count by what the columns are multiplied by. Both of its forms are read.',
  }),
};

export default defineMethod({
  id: 'gguf',
  family: 'quantize',
  summary: 'Rounds the weights of a GGUF model to a type of llama.cpp, or to one of its mixes. Needs no data.',
  notes: [
    "Which weight gets how many bits is decided by llama.cpp's own rules; `tensor` overrides them, weight by weight. Blocks are those of ggml's",
    'quantizer, byte for byte; with `search` best, all types get scales with a smaller squared error: on a normal distribution 8 % less at Q2_K, 2.5 % at Q3_K,',
    '2 % at Q4_K, 4 % at Q5_K, 5 to 8 % at Q4_0 to Q5_1, and never more. Rounding by least squares makes values smaller on average, which adds up from layer to layer;',
    'so once codes are chosen, scales are stretched until values have kept their size, or the error is that of ggml (98 % of it at Q2_K, and without importances at Q3_K).',
    'With an `imatrix` the errors are weighted by it: `best` looks at nothing else (but for IQ1 to IQ3), `reference` also at the values themselves, as llama.cpp does.',
    'It nearly always helps, and most at the fewest bits. `llama-imatrix -m model.gguf -f text.txt -o imatrix.gguf` makes one; `tersor imatrix` shows, joins and converts them.',
    "Of IQ1 to IQ3, all entries of the table are tried and scales stretched, with either search: the error is smaller than ggml's, and the bytes are not its. Give",
    'them an imatrix.',
    'Norms, biases and what else is small stays as it is, as in llama.cpp.',
    'Scales are halves: values too large for a type are an error, and with `best`, blocks of values so small that they would come out worse than zeros become zeros.',
    '',
    'Weights that are in blocks already are copied where what they would become is the same type or takes no fewer bytes; otherwise they are rounded again, which',
    'loses a little more than rounding the original would. Rows that are not multiples of 256 cannot have the types named `_K`: see `search`.',
  ].join('\n'),
  source: 'https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/README.md',
  options,
  changes: 'layout',
  loss: 'data-dependent',
  formats: ['gguf'],
  async apply(model, { type, tensor, search, imatrix }, context) {
    const { scope, kernels } = context;
    const importances = imatrix === '' ? undefined : await importancesOf(imatrix, context);
    const chosen = new Map([...typesOfMix(type, model, importances !== undefined), ...typesByPattern(model, tensor)]);
    const layouts = new Map<WeightId, Layout>();
    for (const { weight } of scope) {
      const wanted = chosen.get(weight.id);
      const layout = wanted && layoutFor(weight, wanted, search);
      if (!layout || isKept(weight, layout)) continue;
      layouts.set(weight.id, layout);
      if (describe(layout) !== wanted && isBlocks(wanted))
        context.note(weight.id, `has rows of ${weight.shape.at(-1)} values, which ${wanted} cannot hold: it becomes ${describe(layout)}`);
    }
    if (layouts.size === 0) return model;
    const again = [...layouts.keys()].filter((id) => model.weights.get(id)?.layout.kind === 'blocks');
    if (again.length > 0)
      context.note('gguf', `${again.length} weights are rounded a second time: from the original, the result would be better`);
    const rounded = [...model.weights.values()].filter(({ id }) => layouts.get(id)?.kind === 'blocks');
    const columns = importances && columnImportances(importances, rounded, context);
    const changed = mapWeights(model, (weight) => {
      const layout = layouts.get(weight.id);
      if (!layout) return undefined;
      const how = { search, columns: columns?.get(weight.id) };
      return { ...weight, layout, load: changeRows(weight.load, (rows, first) => convert(rows, first, weight, layout, how, kernels)) };
    });
    const properties = new Map(model.meta.properties)
      .set('general.quantization_version', String(QUANTIZATION_VERSION))
      .set('general.file_type', String(fileTypeOf(type)));
    if (importances) for (const [key, text] of factsOf(importances)) properties.set(key, text);
    return { ...changed, meta: { ...model.meta, properties } };
  },
});

/** @throws USAGE where there are no files, and what reading throws */
async function importancesOf(path: string, { importances }: Context): Promise<Importances> {
  if (importances) return importances(path);
  throw new TersorError('USAGE', `imatrix ${path}`, 'cannot be read here', 'leave it out, or run where there are files');
}

/** What llama.cpp writes into the metadata. */
function factsOf({ name, weights, datasets, chunks }: Importances): readonly (readonly [key: string, text: string])[] {
  const facts = [
    ['quantize.imatrix.file', name],
    ['quantize.imatrix.dataset', datasets[0] ?? ''],
    ['quantize.imatrix.entries_count', String(weights.size)],
    ['quantize.imatrix.chunks_count', String(chunks)],
  ] as const;
  return facts.filter(([, text]) => text !== '');
}

/** @throws OPTION_VALUE, RULE_UNMATCHED */
function typesByPattern({ weights }: Model, settings: readonly string[]): Map<WeightId, TensorType> {
  const types = new Map<WeightId, TensorType>();
  for (const setting of settings) {
    const [, pattern = '', name = ''] = /^(.*)=([^=]*)$/s.exec(setting) ?? [];
    const type = TENSOR_TYPES.find((known) => known === name.toUpperCase());
    if (pattern === '' || !type) {
      const close = nearest(name.toUpperCase(), TENSOR_TYPES);
      throw new TersorError(
        'OPTION_VALUE',
        `tensor ${setting}`,
        'is not pattern=type',
        close ? `did you mean "${close}"?` : `types are ${TENSOR_TYPES.join(', ')}`,
      );
    }
    const glob = globOf(pattern.includes('*') ? pattern : `**${pattern}**`);
    const found = [...weights.keys()].filter((id) => glob.test(id));
    for (const id of found) types.set(id, type);
    if (found.length > 0) continue;
    const close = nearest(pattern, weights.keys());
    throw new TersorError(
      'RULE_UNMATCHED',
      `tensor ${setting}`,
      `none of ${weights.size} tensors matches`,
      close ? `closest name: "${close}"` : 'see the names with: tersor inspect <model> --weights',
    );
  }
  return types;
}

const DENSE: Readonly<Record<Exclude<TensorType, (typeof WRITABLE_BLOCKS)[number]>, DType>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };

/** The type itself where rows consist of its blocks; otherwise what comes closest. */
function layoutFor({ shape }: Weight, wanted: TensorType, search: BlockSearch): Layout {
  if (!isBlocks(wanted)) return { kind: 'dense', dtype: DENSE[wanted] };
  const row = shape.at(-1) ?? 1;
  const type = [wanted, typeForShortBlocks(wanted, search)].find((known) => known && row % BLOCK_TYPES[known].values === 0);
  return type ? { kind: 'blocks', type } : { kind: 'dense', dtype: 'f16' };
}

/** Rounding again what is in blocks loses something, and pays only where bytes are saved. Floats are what was asked for, or as good. */
function isKept({ shape, layout: before }: Weight, after: Layout): boolean {
  if (before.kind === 'dense' && after.kind === 'dense') return before.dtype === after.dtype;
  return before.kind === 'blocks' && after.kind === 'blocks' && bytesOf({ shape, layout: before }) <= bytesOf({ shape, layout: after });
}

interface Rounding {
  readonly search: BlockSearch;
  readonly columns: ColumnImportances | undefined;
}

/** Some rows of a weight, from its row `first` on. @throws LAYOUT when the layout cannot hold a value */
async function convert(
  rows: Tensor,
  first: number,
  weight: Weight,
  layout: Layout,
  { search, columns }: Rounding,
  kernels: Kernels,
): Promise<Tensor> {
  const values = decode(rows);
  const { shape } = rows;
  const hint = `leave it as it is: --tensor '${weight.id}=F32'`;
  if (layout.kind === 'blocks') {
    const type = WRITABLE_BLOCKS.find((known) => known === layout.type);
    if (type) {
      const matrices = columns ? byMatrix(values, first, weight, columns) : [[values] as const];
      const bytes = await roundMatrices(matrices, type, search, kernels).catch((error: unknown) => {
        if (!(error instanceof TersorError && error.code === 'LAYOUT')) throw error;
        throw new TersorError('LAYOUT', weight.id, error.what, hint, { cause: error });
      });
      return { kind: 'blocks', type, shape, bytes };
    }
  }
  if (layout.kind !== 'dense' || layout.dtype === 'f32') return denseOf(values, shape);
  return toHalves(values, layout.dtype === 'bf16' ? 'bf16' : 'f16', shape, { id: weight.id, hint }, kernels);
}

type Matrix = readonly [values: Float32Array, importance?: Float32Array];

/** The parts of some rows that belong to one matrix each, with its own importances. */
function byMatrix(values: Float32Array, first: number, { shape }: Weight, columns: ColumnImportances): Matrix[] {
  const width = shape.at(-1) ?? 1;
  const size = elementsOf(shape) / columns.length;
  const [start, end] = [first * width, first * width + values.length];
  return columns.flatMap((importance, i): Matrix[] => {
    const [from, to] = [Math.max(start, i * size), Math.min(end, (i + 1) * size)];
    return from < to ? [[values.subarray(from - start, to - start), importance]] : [];
  });
}

async function roundMatrices(matrices: readonly Matrix[], type: WritableBlock, search: BlockSearch, kernels: Kernels): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (const [values, importance] of matrices)
    parts.push(await kernels.quantizeBlocks(values, type, { search, ...(importance && { importance }) }));
  const [only] = parts;
  return parts.length === 1 && only ? only : joined(parts);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => {
    bytes.set(part, at);
    return at + part.length;
  }, 0);
  return bytes;
}
