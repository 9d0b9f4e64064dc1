import { elementsOf } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import { DTYPES, type FolderFile, type FolderModel, type TransformersDtype, type TransformersLoader } from '../../core/folder-report.ts';
import type { WeightReport } from '../../core/report.ts';
import type { FoundFolder, FoundModel } from './find-models.ts';
import { fileOf, placeOf, stemOf } from './names.ts';

/**
 * How transformers.js finds a file: `onnx/<name><suffix>.onnx` of the model folder, the suffix by dtype. The dtype names a file and nothing more:
 * what is in it is up to whoever wrote it.
 * Source: https://github.com/huggingface/transformers.js, src/utils/dtypes.js and model-loader.js, 4.3
 */
const SUFFIXES = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
  q2: '_q2',
  q2f16: '_q2f16',
  q1: '_q1',
  q1f16: '_q1f16',
} as const satisfies Record<TransformersDtype, string>;

const PLACE = 'onnx/';

/** Exports that `decoder_model_merged` replaces; transformers.js loads no other. */
const REPLACED = /(^|\/)(decoder_model|decoder_with_past_model)$/;

/** What most of the elements are stored in, and the others beside them: mostly 4 bits, the rest half floats, is q4f16. */
export function dtypeOf(weights: readonly WeightReport[]): TransformersDtype {
  const elements = (pattern: RegExp) =>
    weights.filter(({ after }) => pattern.test(after)).reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  const byBits = [8, 4, 2, 1].map((bits) => ({ bits, count: elements(new RegExp(`^u?int${bits} `)) }));
  const most = byBits.reduce((best, each) => (each.count > best.count ? each : best));
  const [half, float] = [elements(/^f16$/), elements(/^f32$/)];
  if (most.count < Math.max(half, float, 1)) return half > float ? 'fp16' : 'fp32';
  if (most.bits === 8) return 'q8';
  const narrow = most.bits === 4 ? 'q4' : most.bits === 2 ? 'q2' : 'q1';
  return half > float ? `${narrow}f16` : narrow;
}

/** Where a result of `model` goes to be found by that dtype. */
export function nameFor(model: Pick<FoundModel, 'base'>, dtype: TransformersDtype): string {
  const { root, file } = partsOf(model.base);
  return `${root}${PLACE}${file}${SUFFIXES[dtype]}.onnx`;
}

/** The dtype by which a file that stays as it is can be found under its own suffix, or as what no suffix means. */
export function ownDtype({ name, base }: Pick<FoundModel, 'name' | 'base'>): TransformersDtype {
  const suffix = stemOf(name).slice(base.length);
  return DTYPES.find((dtype) => SUFFIXES[dtype] === suffix) ?? 'fp32';
}

/** The models that transformers.js loads, and why it loads the others not. */
export function loadedModels({ models }: FoundFolder): { readonly loaded: FoundModel[]; readonly others: FolderFile[] } {
  const bases = new Set(models.map(({ base }) => base));
  const whyNot = ({ base }: FoundModel): string | undefined => {
    const { root, file } = partsOf(base);
    if (!base.startsWith(`${root}${PLACE}`) && bases.has(`${root}${PLACE}${file}`)) return `${root}${PLACE}${file} is loaded in its place`;
    if (REPLACED.test(base) && bases.has(`${placeOf(base)}decoder_model_merged`)) return 'decoder_model_merged is loaded in its place';
    return undefined;
  };
  const others = models.flatMap((model) => {
    const why = whyNot(model);
    return why === undefined ? [] : [{ name: model.name, bytes: model.bytes, status: 'left-out' as const, why }];
  });
  return { loaded: models.filter((model) => whyNot(model) === undefined), others };
}

/** The folders that transformers.js would be given, each with its config.json. @throws FILE_MISSING without one */
export function modelFolders({ path, files }: FoundFolder, models: readonly FoundModel[]): string[] {
  const roots = [...new Set(models.map(({ base }) => partsOf(base).root))];
  for (const root of roots) {
    if (files.some(({ name }) => name === `${root}config.json`)) continue;
    const hint = 'give the folder that came from Hugging Face, or leave --target transformers.js out';
    throw new TersorError('FILE_MISSING', `${path}/${root}config.json`, 'is not there, and transformers.js loads nothing without it', hint);
  }
  return roots;
}

/** How the result in `root` is loaded. */
export function loaderOf(
  root: string,
  models: readonly Pick<FolderModel, 'output' | 'dtype'>[],
  config: Config,
  sentences: boolean,
): TransformersLoader {
  const dtypes = models.flatMap(({ output, dtype }): [string, TransformersDtype][] =>
    dtype !== undefined && partsOf(output).root === root ? [[fileKey(output, dtype), dtype]] : [],
  );
  const [first] = dtypes;
  const same = first && dtypes.every(([, dtype]) => dtype === first[1]);
  const task = sentences ? 'feature-extraction' : taskOf(config);
  return { folder: root.slice(0, -1), ...(task !== undefined && { task }), dtype: same ? first[1] : Object.fromEntries(dtypes) };
}

export type Config = Readonly<Record<string, unknown>>;

/**
 * The config with its `transformers.js_config` true to the files that were written: their dtypes become the default, and those with external data
 * are named. What else it says is kept.
 * @param chunks  by file name, how many files of external data it has
 */
export function adapted(config: Config, { dtype }: TransformersLoader, chunks: Readonly<Record<string, number>>): Config {
  const { use_external_data_format: _, device_config: devices, ...own } = recordOf(config['transformers.js_config']);
  const perDevice = Object.entries(recordOf(devices)).map(([device, settings]) => {
    const { dtype: _dtype, use_external_data_format: _format, ...kept } = recordOf(settings);
    return [device, kept] as const;
  });
  return {
    ...config,
    'transformers.js_config': {
      ...own,
      dtype,
      ...(Object.keys(chunks).length > 0 && { use_external_data_format: chunks }),
      ...(perDevice.length > 0 && { device_config: Object.fromEntries(perDevice) }),
    },
  };
}

/** Pipelines by the end of an architecture's name; the first that fits. */
const TASKS: readonly (readonly [RegExp, string])[] = [
  [/ForSequenceClassification$/, 'text-classification'],
  [/ForTokenClassification$/, 'token-classification'],
  [/ForQuestionAnswering$/, 'question-answering'],
  [/ForMaskedLM$/, 'fill-mask'],
  [/ForCausalLM$|LMHeadModel$/, 'text-generation'],
  [/^(Whisper|Moonshine|Speech2Text).*ForConditionalGeneration$|ForCTC$/, 'automatic-speech-recognition'],
  [/^(T5|MT5|Bart|MBart|LongT5|Blenderbot|BlenderbotSmall|Pegasus).*ForConditionalGeneration$/, 'text2text-generation'],
  [/^(Marian|M2M100)/, 'translation'],
  [/ForAudioClassification$/, 'audio-classification'],
  [/ForImageClassification$/, 'image-classification'],
  [/ForObjectDetection$/, 'object-detection'],
  [/ForSemanticSegmentation$/, 'image-segmentation'],
  [/ForDepthEstimation$/, 'depth-estimation'],
  [/^(Bert|Roberta|XLMRoberta|DistilBert|MPNet|Nomic|ModernBert|Albert|Electra|Deberta).*Model$/, 'feature-extraction'],
];

function taskOf(config: Config): string | undefined {
  const { architectures } = config;
  const [first]: readonly unknown[] = Array.isArray(architectures) ? architectures : [];
  return typeof first === 'string' ? TASKS.find(([pattern]) => pattern.test(first))?.[1] : undefined;
}

function fileKey(output: string, dtype: TransformersDtype): string {
  const file = stemOf(fileOf(output));
  return file.slice(0, file.length - SUFFIXES[dtype].length);
}

function partsOf(path: string): { root: string; file: string } {
  const folder = placeOf(path);
  const isPlaced = folder === PLACE || folder.endsWith(`/${PLACE}`);
  return { root: isPlaced ? folder.slice(0, -PLACE.length) : folder, file: fileOf(path) };
}

function recordOf(value: unknown): Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}
